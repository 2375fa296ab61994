import type { IncomingMessage, ServerResponse } from 'node:http'

/** The page of `anywire serve`, where no folder is served: a field to write values in, and what arrives. */
const page = (path: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>anywire</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em; color-scheme: light dark }
  input { font: inherit; width: 100%; box-sizing: border-box; padding: .4em }
  pre { white-space: pre-wrap; overflow-wrap: anywhere }
</style>
<h1>anywire</h1>
<p id="state">connecting</p>
<form><input aria-label="A value, as JSON" placeholder='{ "hello": "world" }' autofocus></form>
<pre id="values"></pre>
<script type="module">
  import { connect } from ${JSON.stringify(`${path}/client.js`)}
  const [state, form, values] = ['#state', 'form', '#values'].map(name => document.querySelector(name))
  const client = connect(${JSON.stringify(path)})
  const show = text => { state.textContent = text }
  client.on('open', ({ recovered }) => show('open over ' + client.transformer + (recovered ? ', recovered' : '')))
  client.on('disconnect', ({ code, reason }) => show('disconnected: ' + code + ' ' + reason))
  client.on('close', ({ code, reason }) => show('closed: ' + code + ' ' + reason))
  client.on('data', value => values.prepend(JSON.stringify(value, null, 2) + '\\n'))
  form.onsubmit = event => {
    event.preventDefault()
    const text = form.elements[0].value
    let value = text
    try { value = JSON.parse(text) } catch {}
    client.write(value)
    form.reset()
  }
</script>
</html>
`

/** Makes a request handler that serves the page as `/`, and nothing else. */
export const servePage = (path: string): ((request: IncomingMessage, response: ServerResponse) => void) => {
  const html = page(path)
  return ({ url = '/', method }, response) => {
    const found = url.split('?', 1)[0] === '/' && (method === 'GET' || method === 'HEAD')
    response.writeHead(found ? 200 : 404, { 'Content-Type': `text/${found ? 'html' : 'plain'}; charset=utf-8` })
    response.end(found ? html : 'Not found\n')
  }
}
