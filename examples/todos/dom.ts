/* Short words for what the page does with its elements. */

export const byId = <T extends HTMLElement = HTMLElement>(id: string): T => {
  const found = document.querySelector<T>(`#${id}`)
  if (!found) throw new Error(`the page has no #${id}`)
  return found
}

export const element = <K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
  ...children: readonly Node[]
): HTMLElementTagNameMap[K] => {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

export const button = (text: string, act: () => unknown, label = text): HTMLButtonElement => {
  const made = element('button', { type: 'button', textContent: text, ariaLabel: label })
  made.addEventListener('click', act)
  return made
}

/** Calls `act` with the text of a form's only field, where there is one, and empties it. */
export const onSubmit = (id: string, act: (text: string) => void): void => {
  const form = byId<HTMLFormElement>(id)
  form.addEventListener('submit', event => {
    event.preventDefault()
    const [text] = [...new FormData(form).values()]
    form.reset()
    if (typeof text === 'string' && text.trim()) act(text.trim())
  })
}
