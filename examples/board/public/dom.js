// Four helpers, instead of a framework.

/** @returns {HTMLElement} */
export const byId = id => document.getElementById(id)

/** Writes a text, unless it is there already. */
export const setText = (id, text) => {
  const element = byId(id)
  if (element.textContent !== text) element.textContent = text
}

/** @returns {HTMLElement} a copy of what is in a template */
export const fromTemplate = id => document.importNode(byId(id).content.firstElementChild, true)

/** Calls `run` before the next frame, however often it is asked to until then. */
export const eachFrame = run => {
  let asked = false
  return () => {
    if (asked) return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      run()
    })
  }
}
