import { AcsError } from '../base/errors.js'
import { printableLines } from '../base/printable.js'
import { isInteractive } from './terminal.js'

/** The answers a command line can give in place of a person. */
export interface PromptAnswers {
  noInput: boolean
  yes?: boolean
  confirm?: string
}

/** Questions to a person, on a terminal only; in a script each is an error that names the flag which answers it. */
export class Prompt {
  constructor(
    private readonly answers: PromptAnswers,
    private readonly interactive: () => boolean = isInteractive,
  ) {}

  /** Asks yes or no; `--yes` answers. Throws EACSCANCELLED when the answer is no. */
  async confirm(text: string, flag = '--yes'): Promise<void> {
    if (this.answers.yes) return
    this.require(text, `Pass ${flag} to say so without a question`)
    if ((await this.ask({ type: 'confirm', message: text, default: false })) === true) return
    throw cancelled()
  }

  /** For data that cannot come back: the name must be typed, or given as `--confirm NAME`. */
  async typeBack(name: string, text: string): Promise<void> {
    if (this.answers.confirm !== undefined) {
      if (this.answers.confirm === name) return
      throw new AcsError('usage', 'EACSCONFIRM', `--confirm says "${this.answers.confirm}", but this is "${name}"`)
    }
    // --yes means the script knows what it destroys: it had to name it in its arguments already.
    if (this.answers.yes) return
    this.require(text, `Pass --confirm ${name}, or --yes, to say so without a question`)
    const typed = await this.ask({ type: 'input', message: `${text} Type the name "${name}" to go on:` })
    if (String(typed).trim() !== name) throw cancelled()
  }

  /** A password, not shown. */
  async password(text: string): Promise<string> {
    this.require(text, 'Pass --password-file FILE or --password-stdin')
    return String(await this.ask({ type: 'password', message: text, mask: '' }))
  }

  /** A line of text. `flag` is what answers in a script. */
  async text(text: string, flag: string, defaultText?: string): Promise<string> {
    this.require(text, `Pass ${flag}`)
    return String(await this.ask({ type: 'input', message: text, default: defaultText })).trim()
  }

  /** Whether a question can be asked at all. */
  get possible(): boolean {
    return !this.answers.noInput && this.interactive()
  }

  private require(text: string, hint: string): void {
    if (this.possible) return
    const why = this.answers.noInput ? '--no-input forbids questions' : 'there is no terminal to ask on'
    throw new AcsError('usage', 'EACSNOINPUT', `This needs an answer, and ${why}: ${text}`, { hints: [hint] })
  }

  /** Questions go to stderr: stdout is data. inquirer loads only when something is asked. */
  private async ask(question: {
    type: 'confirm' | 'input' | 'password'
    message: string
    default?: string | boolean
    mask?: string
  }): Promise<unknown> {
    const { createPromptModule } = await import('inquirer')
    const prompt = createPromptModule({ output: process.stderr })
    try {
      const answers: { answer?: unknown } = await prompt([
        { name: 'answer', ...question, message: printableLines(question.message) },
      ])
      return answers.answer
    } catch (error) {
      if (error instanceof Error && error.name === 'ExitPromptError')
        throw new AcsError('interrupted', 'EACSINTERRUPTED', 'interrupted at a question', { cause: error })
      throw error
    }
  }
}

function cancelled(): AcsError {
  return new AcsError('failed', 'EACSCANCELLED', 'Cancelled: nothing was changed')
}
