/** The suites that every part must pass, whoever wrote it: for mocha, whose `describe` and `it` they use. */
export { overHttp } from './fixture.ts'
export type { TransformerFixture } from './fixture.ts'
export { parserContract } from './parser.ts'
export type { ParserSupports } from './parser.ts'
export { pluginContract } from './plugin.ts'
export type { PluginFixture } from './plugin.ts'
export { transformerContract } from './transformer.ts'
