import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ChapCredentials } from './target-backend.js'
import { encodeBinary, parseBinary, parseNumber } from './text-keys.js'

/** CHAP_A numbers (IANA) and the hashes behind them; MD5 is what every initiator knows. */
const algorithms: Readonly<Record<string, string>> = { '5': 'md5', '6': 'sha1', '7': 'sha256', '8': 'sha3-256' }

/** `failed` covers a wrong proof and a broken exchange alike: the initiator learns no more than that. */
export type ChapStep = { answers: Map<string, string> } | { passed: Map<string, string> } | 'failed'

/** The target's side of one CHAP exchange (RFC 7143 12.1.3, RFC 1994). */
export class ChapExchange {
  private algorithm: string | undefined
  private readonly identifier = randomBytes(1)
  private readonly challenge = randomBytes(16)

  constructor(private readonly credentials: ChapCredentials) {}

  receive(keys: ReadonlyMap<string, string>): ChapStep {
    return this.algorithm === undefined ? this.begin(keys) : this.verify(keys, this.algorithm)
  }

  private begin(keys: ReadonlyMap<string, string>): ChapStep {
    const choice = keys
      .get('CHAP_A')
      ?.split(',')
      .find((one) => algorithms[one] !== undefined)
    if (choice === undefined) return 'failed'
    this.algorithm = algorithms[choice]
    return {
      answers: new Map([
        ['CHAP_A', choice],
        ['CHAP_I', String(this.identifier[0])],
        ['CHAP_C', encodeBinary(this.challenge)],
      ]),
    }
  }

  private verify(keys: ReadonlyMap<string, string>, algorithm: string): ChapStep {
    const { username, secret, mutual } = this.credentials
    const name = keys.get('CHAP_N')
    const proof = parseBinary(keys.get('CHAP_R') ?? '')
    if (name === undefined || proof === undefined) return 'failed'
    if (username !== undefined && username !== name) return 'failed'
    const expected = prove(algorithm, this.identifier, secret, this.challenge)
    if (proof.length !== expected.length || !timingSafeEqual(proof, expected)) return 'failed'

    const theirIdentifier = keys.get('CHAP_I')
    const theirChallenge = keys.get('CHAP_C')
    if (theirIdentifier === undefined && theirChallenge === undefined) return { passed: new Map() }
    const identifier = parseNumber(theirIdentifier ?? '')
    const challenge = parseBinary(theirChallenge ?? '')
    if (!mutual || identifier === undefined || identifier > 255 || !challenge || challenge.length > 1024)
      return 'failed'
    // Our own challenge sent back would have us prove to ourselves (RFC 7143 9.2.1).
    if (challenge.equals(this.challenge)) return 'failed'
    return {
      passed: new Map([
        ['CHAP_N', mutual.username],
        ['CHAP_R', encodeBinary(prove(algorithm, Buffer.from([identifier]), mutual.secret, challenge))],
      ]),
    }
  }
}

function prove(algorithm: string, identifier: Buffer, secret: string, challenge: Buffer): Buffer {
  return createHash(algorithm).update(identifier).update(secret).update(challenge).digest()
}
