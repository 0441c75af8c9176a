/** Called around every journaled step; a test crashes there. */
export type Checkpoint = (step: string, when: 'before' | 'after') => void

/** Dies by SIGKILL at the point `ACS_CRASH_AT=<step>:<before|after>` names, and only when ACS_TEST_CRASH=1. */
export function checkpointFromEnvironment(env: NodeJS.ProcessEnv = process.env): Checkpoint {
  const point = env.ACS_TEST_CRASH === '1' ? env.ACS_CRASH_AT : undefined
  return (step, when) => {
    if (point === `${step}:${when}`) process.kill(process.pid, 'SIGKILL')
  }
}
