import { AcsError, errorCode, messageOf } from '../base/errors.js'

/** What every error of a Prism call can tell. Never a secret: no header and no body of a request. */
export interface CallFacts {
  requestId: string
  method: string
  path: string
  status: number
  /** An earlier try of the same call may have been carried out. */
  repeated?: boolean
}

/** Prism's own explanation, without the Java stack trace that comes with it. */
export interface PrismReason {
  message: string
  errorCode?: number
}

/**
 * The error for an answer that is not a success. v2 answers 500 to nearly everything it refuses, so a status
 * says little and this maps only what is sure; what the caller must tell apart (stale, exists, attached), it
 * tells by asking the cluster, not by reading prose.
 */
export function refused(facts: CallFacts, reason: PrismReason): AcsError {
  const details = { ...facts, ...(reason.errorCode === undefined ? {} : { errorCode: reason.errorCode }) }
  const { status } = facts
  if (status === 403)
    return new AcsError('auth', 'EACSPERMISSION', `this user may not do that on Prism: ${reason.message}`, {
      details,
      hints: ['Use an account with the Cluster Admin role'],
    })
  if (status === 404)
    return new AcsError('not-found', 'EACSNOTFOUND', `Prism does not know it: ${reason.message}`, { details })
  if (status >= 300 && status < 400)
    return new AcsError(
      'failed',
      'EACSPRISM',
      `the endpoint redirects elsewhere (HTTP ${status}): is it Prism Element?`,
      {
        details,
        hints: ['Give the address of the cluster itself, as in https://<cluster>:9440'],
      },
    )
  const kind = status === 409 || status === 412 ? 'conflict' : 'failed'
  return new AcsError(kind, 'EACSPRISM', `Prism refused: ${reason.message}`, { details })
}

/** Prism said "no" to this user and password; asking again locks accounts, so nobody does. */
export function wrongPassword(authority: string, username: string, facts: Partial<CallFacts>): AcsError {
  return new AcsError(
    'auth',
    'EACSAUTH',
    `Prism at ${authority} refused the user "${username}" or the password (HTTP 401)`,
    {
      details: { ...facts, username },
      hints: [
        'Store the right password: acs login',
        'Too many tries lock an account for a while: wait before the next',
      ],
    },
  )
}

/** Nothing at the endpoint answered as Prism would. `cause` is what the network said. */
export function unreachable(authority: string, cause: unknown, details: Record<string, unknown> = {}): AcsError {
  const code = codeOf(cause)
  const why = explanations[code] ?? messageOf(cause)
  return new AcsError('timeout', 'EACSUNREACHABLE', `Prism at ${authority} cannot be reached: ${why}`, {
    cause,
    details: { authority, cause: code, ...details },
    hints: hintsFor(code, authority),
  })
}

/** Prism asked to come back later (429, 502, 503, 504), and later has passed. */
export function busy(authority: string, facts: CallFacts, reason: PrismReason): AcsError {
  return new AcsError(
    'timeout',
    'EACSUNREACHABLE',
    `Prism at ${authority} is not ready to answer (HTTP ${facts.status}): ${reason.message}`,
    {
      details: { authority, ...facts, ambiguous: facts.status === 502 || facts.status === 504 },
      hints: ['Try again in a minute', 'On the cluster: cluster status | grep -i prism'],
    },
  )
}

/** The connection broke with the request under way: it may have been carried out. */
export function connectionLost(authority: string, cause: unknown, facts: Partial<CallFacts>): AcsError {
  return new AcsError(
    'timeout',
    'EACSUNREACHABLE',
    `Prism at ${authority} went away in the middle of ${facts.method ?? 'a call'} ${facts.path ?? ''}: ${explanations[codeOf(cause)] ?? messageOf(cause)}`,
    {
      cause,
      details: { authority, cause: codeOf(cause), ...facts, ambiguous: true },
      hints: ['It may have been carried out: look before you repeat it'],
    },
  )
}

/** The server's certificate is not one we may trust. `presented` is what it showed. */
export function untrustedCertificate(
  authority: string,
  cause: { code: string; message: string },
  presented: string | undefined,
  pinned: boolean,
): AcsError {
  const what = pinned
    ? `the certificate of ${authority} is not the pinned one`
    : `the certificate of ${authority} is not trusted: ${cause.message}`
  const pin = `acs context add NAME --endpoint ${authority} --username USER --fingerprint ${presented ?? 'SHA256'}`
  return new AcsError('auth', 'EACSCERTIFICATE', presented ? `${what}; it shows ${presented}` : what, {
    cause,
    details: { authority, cause: cause.code, ...(presented ? { fingerprint: presented } : {}) },
    hints: pinned
      ? [
          'Somebody may be between you and Prism. If the certificate was renewed, compare the new fingerprint on Prism itself first',
          `Then pin the new one: ${pin} --replace`,
        ]
      : [
          `After comparing the fingerprint with Prism's own, pin it: ${pin}`,
          `Or trust its CA: acs context add NAME --endpoint ${authority} --username USER --ca-file FILE`,
        ],
  })
}

/** Node's and OpenSSL's codes for "the certificate does not verify". */
export function isCertificateCode(code: string): boolean {
  return code === 'EPIN' || code === 'ERR_TLS_CERT_ALTNAME_INVALID' || /CERT|SELF_SIGNED|ISSUER|CRL/.test(code)
}

export function codeOf(error: unknown): string {
  return errorCode(error) ?? 'EUNKNOWN'
}

const explanations: Readonly<Record<string, string | undefined>> = {
  ENOTFOUND: 'its name does not resolve (ENOTFOUND)',
  EAI_AGAIN: 'the name server does not answer (EAI_AGAIN)',
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  EHOSTUNREACH: 'there is no route to it (EHOSTUNREACH)',
  ENETUNREACH: 'there is no route to its network (ENETUNREACH)',
  ETIMEDOUT: 'it does not answer (ETIMEDOUT)',
  ECONNABORTED: 'it does not answer (ETIMEDOUT)',
  ECONNRESET: 'it closed the connection (ECONNRESET)',
  EPIPE: 'it closed the connection (EPIPE)',
  EPROTO: 'what listens there does not speak TLS (EPROTO)',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what listens there does not speak TLS (wrong version number)',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'what listens there does not speak TLS',
}

function hintsFor(code: string, authority: string): string[] {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return ['Check the endpoint: acs context show', 'Check the name: getent hosts ' + hostOf(authority)]
  const port = authority.replace(/^.*:/, '')
  return [
    'Check the endpoint: acs context show',
    `Check the way: a firewall must let TCP ${port} through (curl -kI https://${authority}/)`,
  ]
}

function hostOf(authority: string): string {
  return authority.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}
