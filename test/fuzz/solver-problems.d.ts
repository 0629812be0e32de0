export function drawProblem(seed: number, run: number): object
