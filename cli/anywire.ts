#!/usr/bin/env node
import { main } from './main.ts'

// Whoever reads what is printed may stop reading: `anywire connect … | head -1`.
const { stdin: input, stdout: output, stderr: errors } = process
output.on('error', () => process.exit(0))
process.exitCode = await main(process.argv.slice(2), { input, output, errors })
