import type { Member } from 'anywire/plugins/presence'
import type { Guest } from './model.ts'
import { element, find } from './dom.ts'

/** Shows who else is here. @param own - the id of this page among them */
export const showPeople = (members: readonly Member<Guest>[], own: string): void => {
  const others = members.filter(({ id }) => id !== own)
  find('people').replaceChildren(
    ...others.slice(0, 8).map(({ data }) =>
      element('li', {
        title: `${data.name} is here`,
        textContent: data.name.slice(0, 1),
        dataset: { color: data.color }
      })
    )
  )
}
