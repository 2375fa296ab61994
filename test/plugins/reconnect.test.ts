import { reconnect } from '../../plugins/reconnect/client.ts'
import { pluginContract } from '../contract/plugin.ts'

pluginContract('reconnect', () => ({ client: reconnect() }))
