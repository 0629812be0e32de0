// A worker of the page, which closes itself on request.
import 'softmargin/worker/entry'

addEventListener('message', ({ data }) => data === 'end' && close())
