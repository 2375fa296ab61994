/* Every option may be undefined, and has its default then. Checked by `npm run types`. Nothing here runs. */
import type { BundleOptions } from '../../bundle/index.ts'
import type { ConnectOptions, DefaultServerOptions, WriteOptions } from '../../index.ts'
import type { Given } from '../../lib/given.ts'
import type { ServerLimits } from '../../lib/server/options.ts'
import type { CloseOptions } from '../../lib/server/server.ts'
import type { AuthenticateOptions } from '../../plugins/authenticate/index.ts'
import type { HttpOptions } from '../../plugins/http/index.ts'
import type { OfflineOptions } from '../../plugins/offline/index.ts'
import type { PresenceOptions } from '../../plugins/presence/index.ts'
import type { OngoingOptions, PublishOptions, PubSubOptions, TopicOptions } from '../../plugins/pubsub/index.ts'
import type { ReconnectOptions } from '../../plugins/reconnect/client.ts'
import type { CollectionOptions, EditOptions, HistoryOptions } from '../../plugins/records/client.ts'
import type { RecordsLimits, RecordsOptions, ServerCollection } from '../../plugins/records/index.ts'
import type { RoomsOptions } from '../../plugins/rooms/index.ts'
import type { CallOptions, RpcOptions, RpcServerOptions } from '../../plugins/rpc/index.ts'
import type { WiresOptions } from '../../plugins/wires/client.ts'
import type { IndexedDbOptions } from '../../stores/indexeddb/client.ts'
import type { MemoryOptions as MemoryStoreOptions } from '../../stores/memory.ts'
import type { PostgresOptions } from '../../stores/postgres/index.ts'
import type { SqliteOptions } from '../../stores/sqlite/index.ts'
import type { BrowserEngineOptions } from '../../transformers/engine.io/client.ts'
import type { EngineOptions } from '../../transformers/engine.io/index.ts'
import type { MemoryOptions } from '../../transformers/memory/index.ts'
import type { BrowserWebTransportOptions } from '../../transformers/webtransport/client.ts'
import type { CertificateOptions, WebTransportOptions } from '../../transformers/webtransport/index.ts'
import type { BrowserWsOptions } from '../../transformers/ws/client.ts'
import type { WsOptions } from '../../transformers/ws/index.ts'

/** Those that have to be given keep what they are. */
type Optional<T> = {
  readonly [K in keyof T as undefined extends T[K] ? K : object extends Pick<T, K> ? K : never]: T[K]
}

/** Whether all that may be left out may be undefined too. */
type Takes<T> = { readonly [K in keyof Optional<T>]: undefined } extends Pick<T, keyof Optional<T>> ? true : false

const takes = <_Checks extends readonly true[]>(): void => {}

takes<
  [
    Takes<BundleOptions>,
    Takes<ConnectOptions>,
    Takes<DefaultServerOptions>,
    Takes<Given<ServerLimits>>,
    Takes<CloseOptions>,
    Takes<WriteOptions>,
    Takes<AuthenticateOptions>,
    Takes<HttpOptions>,
    Takes<OfflineOptions>,
    Takes<PresenceOptions>,
    Takes<PublishOptions>,
    Takes<PubSubOptions>,
    Takes<OngoingOptions>,
    Takes<TopicOptions>,
    Takes<ReconnectOptions>,
    Takes<CollectionOptions>,
    Takes<EditOptions>,
    Takes<HistoryOptions>,
    Takes<RecordsOptions>,
    Takes<Given<RecordsLimits>>,
    Takes<ServerCollection>,
    Takes<RoomsOptions>,
    Takes<CallOptions>,
    Takes<RpcOptions<unknown>>,
    Takes<RpcServerOptions>,
    Takes<WiresOptions>,
    Takes<IndexedDbOptions>,
    Takes<MemoryStoreOptions>,
    Takes<PostgresOptions>,
    Takes<SqliteOptions>,
    Takes<BrowserEngineOptions>,
    Takes<EngineOptions>,
    Takes<MemoryOptions>,
    Takes<BrowserWebTransportOptions>,
    Takes<CertificateOptions>,
    Takes<WebTransportOptions>,
    Takes<BrowserWsOptions>,
    Takes<WsOptions>
  ]
>()

// @ts-expect-error this one may be left out, and not be undefined
takes<[Takes<{ readonly any?: number }>]>()
