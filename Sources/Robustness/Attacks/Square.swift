import DitherTensor
import Foundation

/// Square: random search by squares at the edge of the ball, which sees scores only. Source: Andriushchenko et al.
/// 2020, arXiv 1912.00049, algorithms 1 to 3, with the published schedule and initial share 0.8 (as in the standard
/// ensemble); in l1 as in l2, with lengths that are sums (Croce and Hein 2021, arXiv 2103.01208).
///
/// Data that are no pictures are taken as one row, and squares as its intervals.
public struct Square: Attack {
  public static let name = "square"
  public static let summary = "random search by squares, by scores only"
  public static let takesValues = true
  public static let knowledge = Knowledge.scores
  /// Points that are tried for each example, at most.
  public var queries = 5000
  /// The share of pixels that the first squares change.
  public var initialShare = 0.8
  public init() {}

  private enum CodingKeys: String, CodingKey {
    case queries
    case initialShare = "initial_share"
  }
  public func validate() throws(RobustnessError) {
    try require(queries, in: 1...10_000_000, "queries")
    try require(initialShare, in: 1e-4...1, "initial_share")
  }
  public var effort: Int { queries }
  public var questions: Int { queries + queries / Self.queriesBetweenDraws + 2 }
  /// After so many queries a random model is asked through other draws: what one set of draws favors is not kept for
  /// long.
  private static let queriesBetweenDraws = 64

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    let canvas = Canvas(ImageShape(examples.inputs.shape.row)), random = oracle.random
    var live = LiveExamples(examples)
    live.x = start(examples, canvas, ball, random)
    var best = try oracle.answer(at: live.x, of: examples).margins(examples.criteria)
    for query in 1..<max(queries, 2) {
      if let kept = live.drop(oracle) { best = kept.map { best[$0] } }
      guard !live.isEmpty else { break }
      if oracle.isRandom, query % Self.queriesBetweenDraws == 0 {
        oracle.redraw()
        best = try oracle.answer(at: live.x, of: live.examples).margins(live.examples.criteria)
      }
      let tried = proposal(live, canvas, ball, random, query)
      let margins = try oracle.answer(at: tried, of: live.examples).margins(live.examples.criteria)
      for row in best.indices where margins[row] > best[row] {
        best[row] = margins[row]
        live.x.replaceRow(row, with: tried.row(row))
      }
    }
    return live.all
  }

  /// The share of pixels that changes, halved at the published places of 10 000 queries.
  private func share(_ query: Int) -> Double {
    let place = Int(Double(query) / Double(queries) * 10_000)
    let halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000].count { place > $0 }
    return initialShare / Double(1 << halvings)
  }

  // MARK: starts and proposals

  private func start(_ examples: Examples, _ canvas: Canvas, _ ball: Ball, _ random: NoiseAddress) -> Tensor {
    change(examples, from: examples.inputs, ball, random, 0) { delta, chance in
      switch ball.norm {
      // A sign for each column and channel.
      case .linf:
        for channel in 0..<canvas.channels {
          for column in 0..<canvas.width {
            let value = chance.sign() * Float(ball.epsilon)
            for row in 0..<canvas.height { delta[canvas.place(channel, row, column)] = value }
          }
        }
      // A bump in each of 5 × 5 tiles.
      case .l2, .l1:
        let side = max(min(canvas.height, canvas.width) / 5, 1), tall = min(side, canvas.height)
        let bump = Bump(height: tall, width: side, in: ball.norm, at: &chance)
        for top in stride(from: 0, through: canvas.height - tall, by: tall) {
          for left in stride(from: 0, through: canvas.width - side, by: side) {
            for channel in 0..<canvas.channels {
              let sign = chance.sign()
              bump.forEach { y, x, value in delta[canvas.place(channel, top + y, left + x)] += sign * value }
            }
          }
        }
        stretch(delta, to: ball)
      }
    }
  }

  private func proposal(
    _ live: LiveExamples, _ canvas: Canvas, _ ball: Ball, _ random: NoiseAddress, _ query: Int
  ) -> Tensor {
    let share = share(query)
    return change(live.examples, from: live.x, ball, random, UInt32(query)) { delta, chance in
      switch ball.norm {
      case .linf:
        let (height, width) = canvas.window(share: share, atLeast: 1)
        let top = chance.below(canvas.height - height + 1), left = chance.below(canvas.width - width + 1)
        for channel in 0..<canvas.channels {
          let value = chance.sign() * Float(ball.epsilon)
          for y in top..<top + height {
            for x in left..<left + width { delta[canvas.place(channel, y, x)] = value }
          }
        }
      case .l2, .l1: moveMass(delta, canvas, ball, share, &chance)
      }
    }
  }

  /// In l2 and l1 the mass of one window goes to another, in the form of a bump.
  private func moveMass(
    _ delta: UnsafeMutableBufferPointer<Float>, _ canvas: Canvas, _ ball: Ball, _ share: Double,
    _ chance: inout Chance
  ) {
    // Lengths of parts are summed as squares in l2, as they are in l1.
    func mass(_ value: Float) -> Double { ball.norm == .l1 ? abs(Double(value)) : Double(value) * Double(value) }
    func length(_ mass: Double) -> Double { ball.norm == .l1 ? mass : mass.squareRoot() }
    let (height, width) = canvas.window(share: share, atLeast: 3)
    let top = chance.below(canvas.height - height + 1), left = chance.below(canvas.width - width + 1)
    let fromTop = chance.below(canvas.height - height + 1), fromLeft = chance.below(canvas.width - width + 1)
    let bump = Bump(height: height, width: width, in: ball.norm, at: &chance)
    let whole = ball.norm == .l1 ? ball.epsilon : ball.epsilon * ball.epsilon
    let free = max(whole - delta.reduce(0) { $0 + mass($1) }, 0) / Double(canvas.channels)
    for channel in 0..<canvas.channels {
      var here = 0.0, either = 0.0
      canvas.forEach(channel, top, left, height, width) { place, _, _ in here += mass(delta[place]) }
      either = here
      canvas.forEach(channel, fromTop, fromLeft, height, width) { place, y, x in
        guard !(top..<top + height).contains(y) || !(left..<left + width).contains(x) else { return }
        either += mass(delta[place])
      }
      var fresh = [Float](repeating: 0, count: height * width), total = 0.0
      let sign = chance.sign(), unit = Float(1 / max(length(here), 1e-12))
      bump.forEach { y, x, value in
        let old = delta[canvas.place(channel, top + y, left + x)] * unit
        fresh[y * width + x] = sign * value + old
        total += mass(fresh[y * width + x])
      }
      let scale = Float(length(free + either) / max(length(total), 1e-12))
      canvas.forEach(channel, fromTop, fromLeft, height, width) { place, _, _ in delta[place] = 0 }
      canvas.forEach(channel, top, left, height, width) { place, y, x in
        delta[place] = fresh[(y - top) * width + x - left] * scale
      }
    }
    stretch(delta, to: ball)
  }

  /// Each row's perturbation is changed by its own chance, and put back into the ball.
  private func change(
    _ examples: Examples, from x: Tensor, _ ball: Ball, _ random: NoiseAddress, _ query: UInt32,
    _ body: (UnsafeMutableBufferPointer<Float>, inout Chance) -> Void
  ) -> Tensor {
    var delta = x - examples.inputs
    let length = delta.rowLength
    delta.elements.withUnsafeMutableBufferPointer { all in
      forEachRow(of: all, length: length) { row, index in
        var chance = Chance(examples.address(random, index), query)
        body(row, &chance)
      }
    }
    return ball.project(examples.inputs + delta, around: examples.inputs)
  }

  private func stretch(_ delta: UnsafeMutableBufferPointer<Float>, to ball: Ball) {
    let factor = ball.epsilon / max(ball.norm.length(UnsafeBufferPointer(delta)), 1e-12)
    for i in delta.indices { delta[i] = Float(Double(delta[i]) * factor) }
  }
}

/// A picture's planes, or a row of numbers.
private struct Canvas {
  let channels: Int, height: Int, width: Int
  private let image: ImageShape

  init(_ image: ImageShape) {
    self.image = image
    (channels, height, width) = (image.channels, image.height, image.width)
  }

  func place(_ channel: Int, _ row: Int, _ column: Int) -> Int { image.place(channel, row, column) }

  func window(share: Double, atLeast least: Int) -> (height: Int, width: Int) {
    guard height > 1 else { return (1, max(min(Int((share * Double(width)).rounded()), width), min(least, width))) }
    var side = max(Int((share * Double(height * width)).squareRoot().rounded()), least)
    // An odd bump has a middle.
    if least > 1, side % 2 == 0 { side += 1 }
    return (min(side, height), min(side, width))
  }

  func forEach(
    _ channel: Int, _ top: Int, _ left: Int, _ height: Int, _ width: Int, _ body: (Int, _ y: Int, _ x: Int) -> Void
  ) {
    for y in top..<top + height { for x in left..<left + width { body(place(channel, y, x), y, x) } }
  }
}

/// Two pyramids of opposite sign side by side, of unit length: the form that convolutions answer to most (figure 3
/// there).
private struct Bump {
  private let height: Int, width: Int
  private var values: [Float]

  init(height: Int, width: Int, in norm: Norm, at chance: inout Chance) {
    self.height = height
    self.width = width
    values = [Float](repeating: 0, count: height * width)
    let isUpright = chance.sign() > 0
    let long = isUpright ? height : width, short = isUpright ? width : height, half = max(long / 2, 1)
    for a in 0..<long {
      let sign: Float = a < half ? 1 : -1, along = a < half ? a : a - half, part = a < half ? half : long - half
      for b in 0..<short {
        let value = sign * Self.pyramid(along, part) * Self.pyramid(b, short)
        values[isUpright ? a * width + b : b * width + a] = value
      }
    }
    let length = Float(values.withUnsafeBufferPointer { norm.length($0) })
    values = values.map { $0 / max(length, 1e-12) }
  }

  /// Highest in the middle.
  private static func pyramid(_ place: Int, _ extent: Int) -> Float { Float(min(place + 1, extent - place)) }

  func forEach(_ body: (_ y: Int, _ x: Int, Float) -> Void) {
    for y in 0..<height { for x in 0..<width { body(y, x, values[y * width + x]) } }
  }
}

/// One example's chance in one query.
private struct Chance {
  private let address: NoiseAddress
  private var uniforms: [Float]
  private var next = 0

  init(_ address: NoiseAddress, _ query: UInt32) {
    self.address = NoiseAddress(
      seed: mixSeed(address.seed, UInt64(address.sample)), site: address.site, sample: query)
    uniforms = self.address.uniforms(16)
  }

  private mutating func uniform() -> Float {
    if next == uniforms.count {
      uniforms = [Float](unsafeUninitializedCapacity: 2 * next) { [address] buffer, filled in
        address.uniforms(buffer)
        filled = buffer.count
      }
    }
    defer { next += 1 }
    return uniforms[next]
  }
  mutating func sign() -> Float { uniform() < 0.5 ? -1 : 1 }
  /// 0 up to, and without, the bound.
  mutating func below(_ bound: Int) -> Int { min(Int(Float(max(bound, 1)) * uniform()), max(bound, 1) - 1) }
}
