/**
 * An error as the cluster answers it. `status` is HTTP's, `code` is Prism's own number, which is
 * assumed throughout: the only recorded one is 1101 for a refused VM operation.
 */
export class WireError extends Error {
  override readonly name = 'WireError'

  constructor(
    readonly status: number,
    message: string,
    readonly code = 1000,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
  }

  /** Recorded shape: message, detailed_message, error_code with code and help_url. */
  body(): object {
    return {
      message: this.message,
      detailed_message: this.message,
      error_code: { code: this.code, help_url: 'http://my.nutanix.com' },
    }
  }
}

/** Numbers of `error_code.code` and of a failed task's `meta_response.error_code`. All assumed. */
export const errorCodes = {
  general: 1000,
  badRequest: 1001,
  authentication: 1002,
  notFound: 1202,
  exists: 1203,
  stale: 1204,
  attached: 1205,
  noSpace: 1206,
  aborted: 1207,
  injected: 1299,
} as const
