// For hosts whose JavaScript supports `await using`.
import { spawn } from 'softmargin/worker'

let svc
{
  await using remote = await spawn()
  svc = await new remote.SVC().fit([[0], [1], [4], [5]], [0, 0, 1, 1])
}
console.log(
  await svc.predict([[0]]).then(
    () => 'no error',
    ({ code }) => code,
  ),
)
