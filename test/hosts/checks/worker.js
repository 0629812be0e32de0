// A worker of the page's own, which ends when it is told to.
import 'softmargin/worker/entry'

addEventListener('message', ({ data }) => data === 'end' && close())
