/** Path of the lab's guest image on stdout, what its build says on stderr: for scripts/demo-hosts.sh. */
import { guestImage } from './guest-image.js'

process.stdout.write(`${await guestImage((line) => void process.stderr.write(`${line}\n`))}\n`)
