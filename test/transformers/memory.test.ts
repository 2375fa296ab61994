import { memory } from '../../transformers/memory/index.ts'
import { transformerContract } from '../contract/transformer.ts'

transformerContract('memory', () => {
  const wires = memory()
  return { server: wires, client: wires, start: () => 'http://memory', cut: () => wires.cut() }
})
