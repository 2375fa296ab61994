/*
 * Every failure: its code, the close code that tells the other end (0: none, it stays local), and what happened. Close codes
 * 3000–3499 say that connecting again makes sense, 3500–3999 that it does not; 4000–4499 and 4500–4999 are the
 * application's, split the same way. One constant each, so that a bundle has only those that it uses. docs/errors.md has
 * an entry for each, and a test compares the two.
 */
export const ERR_SHUTDOWN = ['ERR_SHUTDOWN', 3000, 'The server shuts down'] as const
export const ERR_TIMEOUT = ['ERR_TIMEOUT', 3001, 'Nothing was heard in time'] as const
export const ERR_SESSION_LOST = ['ERR_SESSION_LOST', 3002, 'The session is lost'] as const
export const ERR_SLOW = ['ERR_SLOW', 3003, 'Too much is unread'] as const
export const ERR_RATE = ['ERR_RATE', 3004, 'Too many messages in too short a time'] as const
export const ERR_HANDSHAKE_TIMEOUT = ['ERR_HANDSHAKE_TIMEOUT', 3005, 'The handshake took too long'] as const
export const ERR_BUSY = ['ERR_BUSY', 3006, 'There are too many connections'] as const
export const ERR_SERVER = ['ERR_SERVER', 3007, 'The server failed to accept the connection'] as const
export const ERR_EXPIRED = ['ERR_EXPIRED', 3008, 'The authentication is not valid any more'] as const
export const ERR_PROTOCOL = ['ERR_PROTOCOL', 3500, 'The protocol was broken'] as const
export const ERR_VERSION = ['ERR_VERSION', 3501, 'The two ends speak different protocol versions'] as const
export const ERR_UNAUTHORIZED = ['ERR_UNAUTHORIZED', 3502, 'The server refused the authentication'] as const
export const ERR_PARSER = ['ERR_PARSER', 3503, 'The server does not accept this parser'] as const
export const ERR_PLUGIN = ['ERR_PLUGIN', 3504, 'The server has not this plugin, or not this version of it'] as const
export const ERR_SCHEMA = ['ERR_SCHEMA', 3505, 'The two ends have different schema versions'] as const
export const ERR_ORIGIN = ['ERR_ORIGIN', 3506, 'Pages of this origin may not connect'] as const
export const ERR_TOO_LARGE = ['ERR_TOO_LARGE', 3507, 'The message is too large'] as const
export const ERR_VALUE = ['ERR_VALUE', 3508, 'The value cannot be decoded'] as const
export const ERR_REPLACED = ['ERR_REPLACED', 3509, 'The session went on over another wire'] as const
export const ERR_LISTEN = ['ERR_LISTEN', 0, 'The server cannot listen'] as const
export const ERR_LINK = ['ERR_LINK', 0, 'A wire did not come to carry the connection'] as const
export const ERR_CLOSED = ['ERR_CLOSED', 0, 'The connection is closed'] as const
export const ERR_ENCODE = ['ERR_ENCODE', 0, 'The value cannot be encoded'] as const
export const ERR_HANDLER = ['ERR_HANDLER', 0, 'A handler failed'] as const
export const ERR_INTERCEPTOR = ['ERR_INTERCEPTOR', 0, 'An interceptor failed'] as const
export const ERR_OPTION = ['ERR_OPTION', 0, 'An option is wrong'] as const
export const ERR_MISSING_PACKAGE = ['ERR_MISSING_PACKAGE', 0, 'An optional package is not installed'] as const
export const ERR_PLUGIN_NAME = ['ERR_PLUGIN_NAME', 0, 'A name is taken'] as const
export const ERR_PLUGIN_NEEDS = ['ERR_PLUGIN_NEEDS', 0, 'A plugin is missing'] as const
export const ERR_DENIED = ['ERR_DENIED', 0, 'The permissions of the server do not allow this'] as const
export const ERR_LIMIT = ['ERR_LIMIT', 0, 'A limit was reached'] as const
export const ERR_CALL_TIMEOUT = ['ERR_CALL_TIMEOUT', 0, 'The call was not answered in time'] as const
export const ERR_NOT_ACCEPTED = ['ERR_NOT_ACCEPTED', 0, 'No provider accepted the call in time'] as const
export const ERR_CANCELLED = ['ERR_CANCELLED', 0, 'It was cancelled'] as const
export const ERR_OUTCOME_UNKNOWN = ['ERR_OUTCOME_UNKNOWN', 0, 'It may have been done, and its answer is lost'] as const
export const ERR_NO_METHOD = ['ERR_NO_METHOD', 0, 'The other end has no such method'] as const
export const ERR_NO_PROVIDER = ['ERR_NO_PROVIDER', 0, 'Nobody who provides the service takes the call'] as const
export const ERR_ARGUMENTS = ['ERR_ARGUMENTS', 0, 'The arguments of the call are wrong'] as const
export const ERR_PATH = ['ERR_PATH', 0, 'This is no path within a record'] as const
export const ERR_STALE = ['ERR_STALE', 0, 'The write is too old to be judged'] as const
export const ERR_CONFLICT = ['ERR_CONFLICT', 0, 'The record has changed since'] as const
export const ERR_INVALID = ['ERR_INVALID', 0, 'The server does not accept this value'] as const
export const ERR_NODE = ['ERR_NODE', 0, 'The writes of this node are those of somebody else'] as const
export const ERR_IDENTITY = [
  'ERR_IDENTITY',
  0,
  'What is here is of another user: sign in as that one, or clear it'
] as const
export const ERR_STORE = ['ERR_STORE', 0, 'The store failed'] as const
