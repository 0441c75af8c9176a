import { requirement } from '../requirements.js'
import { contractNeeds } from '../specs.js'

/** Once for each project of a run: says that no simulator's answer is judged where the specifications are absent; with ACS_REQUIRE=all the run fails. */
export default function setup(): void {
  requirement("contract of every simulator's answers with Prism", contractNeeds)
}
