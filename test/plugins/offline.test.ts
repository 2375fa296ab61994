import { offline as inBrowsers } from '../../plugins/offline/client.ts'
import { offline } from '../../plugins/offline/index.ts'
import { pluginContract } from '../contract/plugin.ts'

pluginContract('offline', () => ({ client: offline() }))
pluginContract('offline, the browser half', () => ({ client: inBrowsers() }))
