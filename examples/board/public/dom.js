// Three helpers, instead of a framework.

/** @returns {HTMLElement} */
export const byId = id => document.getElementById(id)

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
