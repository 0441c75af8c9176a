import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { projectRoot } from '../cli/project.js'

/** What the sources say of the codes of errors. */
export interface ErrorCodes {
  /** Each code that is thrown somewhere, with the kinds it is thrown as; none where they are not to be seen. */
  thrown: Map<string, Set<string>>
  /** Codes that are only asked for: `error.code === 'EACSSTALE'`. */
  asked: Set<string>
}

/** Paths of all sources, from the root of the project. */
export function sourceFiles(): string[] {
  return readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join('src', path))
}

/** Reads the codes out of every `new AcsError(kind, code, ...)`, of `{ kind, code }` tables and of `usage(code, ...)`. */
export function errorCodes(): ErrorCodes {
  const found: ErrorCodes = { thrown: new Map(), asked: new Set() }
  for (const path of sourceFiles()) {
    const text = readFileSync(join(projectRoot, path), 'utf8')
    visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true), found)
  }
  for (const code of found.thrown.keys()) found.asked.delete(code)
  return found
}

function visit(node: ts.Node, found: ErrorCodes): void {
  if (ts.isStringLiteralLike(node) && /^EACS[A-Z0-9]+$/.test(node.text)) found.asked.add(node.text)
  for (const [kind, code] of thrownAt(node)) {
    for (const one of valuesOf(code)) {
      if (!/^EACS[A-Z0-9]+$/.test(one.text)) continue
      const kinds = found.thrown.get(one.text) ?? new Set()
      found.thrown.set(one.text, kinds)
      for (const other of typeof kind === 'string' ? [{ text: kind, given: [] }] : valuesOf(kind))
        if (!contradict(one, other)) kinds.add(other.text)
    }
  }
  ts.forEachChild(node, (child) => visit(child, found))
}

function thrownAt(node: ts.Node): [ts.Expression | string, ts.Expression][] {
  if (ts.isNewExpression(node) && node.expression.getText() === 'AcsError') {
    const [kind, code] = node.arguments ?? []
    return kind && code ? [[kind, code]] : []
  }
  if (ts.isCallExpression(node) && node.expression.getText() === 'usage') {
    const [code] = node.arguments
    return code ? [['usage', code]] : []
  }
  if (!ts.isObjectLiteralExpression(node)) return []
  const field = (name: string): ts.Expression | undefined =>
    node.properties.filter(ts.isPropertyAssignment).find((property) => property.name.getText() === name)?.initializer
  const [kind, code] = [field('kind'), field('code')]
  return kind && code ? [[kind, code]] : []
}

/** One value an expression can have, and the conditions it has it under: `status === 404`, `!(status === 404)`. */
interface Value {
  text: string
  given: readonly { condition: string; holds: boolean }[]
}

/** The strings an expression can be: a literal, both sides of `?:`, a const of either, a parameter whose type is a union of them. */
function valuesOf(expression: ts.Node, given: Value['given'] = []): Value[] {
  if (ts.isStringLiteralLike(expression)) return [{ text: expression.text, given }]
  if (ts.isParenthesizedExpression(expression)) return valuesOf(expression.expression, given)
  if (ts.isConditionalExpression(expression)) {
    const condition = expression.condition.getText()
    return [
      ...valuesOf(expression.whenTrue, [...given, { condition, holds: true }]),
      ...valuesOf(expression.whenFalse, [...given, { condition, holds: false }]),
    ]
  }
  if (ts.isIdentifier(expression)) return declaredValues(expression)
  return []
}

function declaredValues(name: ts.Identifier): Value[] {
  for (let scope: ts.Node = name; !ts.isSourceFile(scope); scope = scope.parent) {
    if (ts.isFunctionLike(scope)) {
      const type = scope.parameters.find((parameter) => parameter.name.getText() === name.text)?.type
      if (type) return [...type.getText().matchAll(/'([\w-]+)'/g)].map(([, text = '']) => ({ text, given: [] }))
    }
    if (!ts.isBlock(scope)) continue
    for (const statement of scope.statements.filter(ts.isVariableStatement))
      for (const { name: declared, initializer } of statement.declarationList.declarations)
        if (initializer && declared.getText() === name.text) return valuesOf(initializer)
  }
  return []
}

function contradict(one: Value, other: Value): boolean {
  return one.given.some(({ condition, holds }) =>
    other.given.some((known) => known.condition === condition && known.holds !== holds),
  )
}
