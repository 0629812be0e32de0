/**
 * Exports of assembly/cnn/index.ts. Addresses and offsets are in bytes; the arguments are documented in each
 * kernel's file.
 */
export interface Kernels {
  /** Number of pixels that `dense` computes together. */
  readonly TILE_PIXELS: { value: number }
  readonly DEPTHWISE_PIXELS: { value: number }
  readonly WINOGRAD_CHANNELS: { value: number }
  readonly WINOGRAD_PLANE_GAP: { value: number }
  readonly WINOGRAD_SCRATCH_BYTES: { value: number }
  readonly STEM_SCRATCH_BYTES: { value: number }
  /** Channels of a panel of weights, and of a last one that needs fewer. */
  readonly WIDE: { value: number }
  readonly NARROW: { value: number }
  /** Numbers of a packed row of gradients: filters of a gradient are rounded up to it. */
  readonly OUTER: { value: number }
  activate(
    x: number,
    xOffsets: number,
    pixels: number,
    channels: number,
    out: number,
    outOffsets: number,
    epilogueAddress: number,
  ): void
  binary(
    a: number,
    aOffsets: number,
    aSplat: number,
    b: number,
    bOffsets: number,
    bSplat: number,
    kind: number,
    pixels: number,
    channels: number,
    out: number,
    outOffsets: number,
    epilogueAddress: number,
  ): void
  dense(
    x: number,
    xOffsets: number,
    pixels: number,
    pixelBlock: number,
    segments: number,
    depthBlocks: number,
    depthBlockCount: number,
    weights: number,
    bias: number,
    channels: number,
    out: number,
    outOffsets: number,
    residual: number,
    residualOffsets: number,
    epilogueAddress: number,
  ): void
  depthwise(
    x: number,
    xOffsets: number,
    pixels: number,
    taps: number,
    tapCount: number,
    weights: number,
    bias: number,
    channels: number,
    out: number,
    outOffsets: number,
    residual: number,
    residualOffsets: number,
    epilogueAddress: number,
  ): void
  depthwiseRows(
    x: number,
    xOffsets: number,
    rows: number,
    width: number,
    side: number,
    stride: number,
    rowBytes: number,
    weights: number,
    bias: number,
    channels: number,
    out: number,
    outOffsets: number,
    residual: number,
    residualOffsets: number,
    epilogueAddress: number,
  ): void
  copyPixels(
    x: number,
    xOffsets: number,
    pixels: number,
    channels: number,
    out: number,
    outOffsets: number,
  ): void
  fillBorder(
    map: number,
    rowBytes: number,
    top: number,
    height: number,
    bottom: number,
    before: number,
    after: number,
    value: number,
  ): void
  fromPlanes(planes: number, pixels: number, channels: number, map: number, offsets: number): void
  toPlanes(map: number, offsets: number, pixels: number, channels: number, planes: number): void
  layerNorm(
    x: number,
    xOffsets: number,
    pixels: number,
    channels: number,
    epsilon: number,
    scale: number,
    bias: number,
    out: number,
    outOffsets: number,
  ): void
  softmax(
    x: number,
    xOffsets: number,
    pixels: number,
    channels: number,
    out: number,
    outOffsets: number,
  ): void
  resize(
    x: number,
    xPictureBytes: number,
    pictures: number,
    rows: number,
    height: number,
    columns: number,
    width: number,
    channelBytes: number,
    out: number,
    outPictureBytes: number,
    outRowBytes: number,
    outPixelBytes: number,
  ): void
  layerNormGradient(
    x: number,
    xOffsets: number,
    dy: number,
    dyOffsets: number,
    pixels: number,
    channels: number,
    epsilon: number,
    out: number,
    outOffsets: number,
  ): void
  softmaxGradient(
    y: number,
    yOffsets: number,
    dy: number,
    dyOffsets: number,
    pixels: number,
    channels: number,
    out: number,
    outOffsets: number,
  ): void
  packPanels(from: number, filters: number, channels: number, taps: number, scales: number, to: number): void
  packUntransformed(from: number, filters: number, channels: number, scales: number, to: number): void
  packWinograd(
    form: number,
    from: number,
    filters: number,
    channels: number,
    scales: number,
    panels: number,
    to: number,
  ): void
  scalePanels(panels: number, depth: number, filters: number, factors: number, to: number): void
  unpackHalves(from: number, count: number, to: number): void
  pool(
    x: number,
    windows: number,
    pixels: number,
    rowBytes: number,
    columnBytes: number,
    channels: number,
    isMax: number,
    out: number,
    outOffsets: number,
  ): void
  stem(
    layer: number,
    x: number,
    pictures: number,
    out: number,
    planes: number,
    sums: number,
    gap: number,
    scratch: number,
  ): void
  winograd(
    layer: number,
    x: number,
    tiles: number,
    out: number,
    residual: number,
    planes: number,
    sums: number,
    transformed: number,
    lists: number,
    scratch: number,
  ): void
  activationGradient(
    z: number,
    zOffsets: number,
    dy: number,
    dyOffsets: number,
    pixels: number,
    channels: number,
    out: number,
    outOffsets: number,
    epilogueAddress: number,
  ): void
  addNumbers(from: number, count: number, to: number): void
  channelSums(y: number, offsets: number, pixels: number, channels: number, sums: number): void
  depthwiseGradient(
    x: number,
    xOffsets: number,
    pixels: number,
    taps: number,
    tapCount: number,
    channels: number,
    dy: number,
    dyOffsets: number,
    gradient: number,
  ): void
  poolGradient(
    x: number,
    windows: number,
    rowBytes: number,
    columnBytes: number,
    pixels: number,
    channels: number,
    isMax: number,
    y: number,
    yOffsets: number,
    dy: number,
    dyOffsets: number,
    dx: number,
    dxWindows: number,
    dxRowBytes: number,
    dxColumnBytes: number,
  ): void
  exchangeWeights(
    from: number,
    filters: number,
    channels: number,
    taps: number,
    scales: number,
    isTurned: number,
    to: number,
  ): void
  stridedGradient(
    layer: number,
    dy: number,
    tiles: number,
    dx: number,
    residual: number,
    planes: number,
    sums: number,
    transformed: number,
    scratch: number,
  ): void
  unpackGradient(
    sums: number,
    channelBytes: number,
    tapBytes: number,
    filters: number,
    channels: number,
    taps: number,
    factor: number,
    to: number,
  ): void
  weightGradient(
    x: number,
    xOffsets: number,
    pixels: number,
    block: number,
    taps: number,
    tapCount: number,
    channels: number,
    dy: number,
    dyOffsets: number,
    filters: number,
    gradient: number,
    filterBytes: number,
    packed: number,
  ): void
  winogradGradient(
    layer: number,
    x: number,
    tiles: number,
    dy: number,
    gradient: number,
    filterBytes: number,
    planes: number,
    dyPlanes: number,
    products: number,
    scratch: number,
  ): void
}
