// inquirer brings a prompt that opens an editor, and with it every character set there is: half a megabyte acs never reads.

/** @type {import('esbuild').Plugin} */
export const leanInquirer = {
  name: 'lean-inquirer',
  setup(build) {
    build.onResolve({ filter: /^@inquirer\/editor$/ }, ({ path }) => ({ path, namespace: 'lean-inquirer' }))
    build.onLoad({ filter: /.*/, namespace: 'lean-inquirer' }, () => ({
      contents: "export default () => { throw new Error('acs is built without the editor prompt of inquirer') }",
      loader: 'js',
    }))
  },
}
