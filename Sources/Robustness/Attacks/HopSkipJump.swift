import DitherTensor
import Foundation

/// HopSkipJump: sees nothing but the class. From a point that is misclassified it goes to the boundary by bisection,
/// estimates the direction across it by a vote of noise, steps along it, and again. Source: Chen, Jordan and Wainwright
/// 2020, arXiv 1904.02144, algorithm 2.
public struct HopSkipJump: Attack {
  public static let name = "hopskipjump"
  public static let summary = "walks along the boundary, by decisions only"
  public static let knowledge = Knowledge.decisions
  public static let norms = [Norm.l2, .linf]
  public static let isMinimumNorm = true
  /// Noise hardly ever is of a given class, and it has nothing else to start from.
  public static let canTarget = false
  /// Steps along the boundary.
  public var steps = 20
  /// Votes in the first step; step t has √t times as many.
  public var votes = 100
  /// Random points that are tried to start from.
  public var starts = 50
  public var details: [String] { ["\(steps) steps"] }
  public init() {}

  public func validate() throws(RobustnessError) {
    try require(steps, in: 1...10_000, "steps")
    try require(votes, in: 2...1_000_000, "votes")
    try require(starts, in: 1...1_000_000, "starts")
  }
  /// At most: the clean answers and the starts, of each step twelve questions of bisection, its votes and sixteen
  /// jumps, and at the end a bisection and the last answer.
  public var effort: Int {
    (1...steps).reduce(1 + starts + 12 + 1) { $0 + 12 + Int(Double(votes) * Double($1).squareRoot()) + 16 }
  }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples), found = [Bool](repeating: false, count: examples.count)
    try start(&live, &found, &oracle)
    // Where no start was found there is nothing to walk from.
    let walking = found.indices.filter { found[$0] }
    guard !walking.isEmpty else { return live.all }
    var walk = LiveExamples(live.examples.rows(at: walking), from: live.x.rows(at: walking))
    for step in 1...steps {
      _ = walk.drop(oracle)
      guard !walk.isEmpty else { break }
      try bisect(&walk, ball.norm, &oracle)
      let direction = try vote(walk, ball.norm, step, &oracle)
      try jump(&walk, along: direction, ball.norm, step, &oracle)
    }
    if !walk.isEmpty { try bisect(&walk, ball.norm, &oracle) }
    let ends = walk.all
    for (at, row) in walking.enumerated() { live.x.replaceRow(row, with: ends.row(at)) }
    return live.all
  }

  private func decisions(_ x: Tensor, _ examples: Examples, _ oracle: inout some Oracle) throws -> [Bool] {
    try oracle.answer(at: x, of: examples).meets(examples.criteria)
  }

  /// Uniform noise in the cube until something is misclassified; what is so from the outset stays where it is.
  private func start(_ live: inout LiveExamples, _ found: inout [Bool], _ oracle: inout some Oracle) throws {
    let random = oracle.random
    found = try decisions(live.x, live.examples, &oracle)
    for number in 0..<starts {
      let left = found.indices.filter { !found[$0] }
      guard !left.isEmpty else { return }
      let part = live.examples.rows(at: left)
      var address = random
      address.sample = address.sample &* 1_000_003 &+ UInt32(number)
      let noise = part.uniforms(at: address)
      let met = try decisions(noise, part, &oracle)
      for (at, row) in left.enumerated() where met[at] {
        found[row] = true
        live.x.replaceRow(row, with: noise.row(at))
      }
    }
  }

  /// Towards the clean input until the class is about to change.
  private func bisect(_ live: inout LiveExamples, _ norm: Norm, _ oracle: inout some Oracle) throws {
    let count = live.count
    func length(_ row: Int, _ live: LiveExamples) -> Double { norm.distance(live.x, row, live.clean, row) }
    // In l2 the share of the way; in l∞ the radius of the cube to which the point is clipped.
    var near = [Double](repeating: 0, count: count), far = (0..<count).map { norm == .linf ? length($0, live) : 1 }
    let end = live.x
    func point(_ amounts: [Double]) -> Tensor {
      Tensor(end.shape) { out in
        live.clean.elements.withUnsafeBufferPointer { clean in
          end.elements.withUnsafeBufferPointer { end in
            forEachRow(of: out, length: end.count / max(count, 1)) { row, index in
              let amount = Float(amounts[index]), start = index * row.count
              for i in row.indices {
                let difference = end[start + i] - clean[start + i]
                let kept = norm == .linf ? min(max(difference, -amount), amount) : amount * difference
                row[i] = min(max(clean[start + i] + kept, 0), 1)
              }
            }
          }
        }
      }
    }
    for _ in 0..<12 {
      let middle = zip(near, far).map { ($0 + $1) / 2 }
      let met = try decisions(point(middle), live.examples, &oracle)
      for row in 0..<count { if met[row] { far[row] = middle[row] } else { near[row] = middle[row] } }
    }
    live.x = point(far)
  }

  /// [live, …]: the direction in which the goal lies, by the majority of noise around the boundary point.
  private func vote(_ live: LiveExamples, _ norm: Norm, _ step: Int, _ oracle: inout some Oracle) throws -> Tensor {
    let dimensions = live.x.rowLength, count = Int(Double(votes) * Double(step).squareRoot()), random = oracle.random
    var sum = Tensor(zeros: live.x.shape), noiseSum = Tensor(zeros: live.x.shape)
    var tally = [Float](repeating: 0, count: live.count)
    // Algorithm 2's radius: what bisection cannot tell apart, seen from the clean input.
    let theta = 1 / (Double(dimensions) * (norm == .l2 ? Double(dimensions).squareRoot() : Double(dimensions)))
    let radius = (0..<live.count).map { row -> Double in
      let away = norm.distance(live.x, row, live.clean, row)
      return step == 1
        ? 0.1 : max((norm == .l2 ? Double(dimensions).squareRoot() : Double(dimensions)) * theta * away, 1e-4)
    }
    for draw in 0..<count {
      var address = random
      address.sample = address.sample &* 1_000_003 &+ UInt32(draw)
      var noise = live.examples.normals(at: address), row = 0
      noise.scaleRows { values in
        defer { row += 1 }
        return radius[row] / max(Norm.l2.length(values), .leastNormalMagnitude)
      }
      let tried = (live.x + noise).clamped(to: 0...1)
      let met = try decisions(tried, live.examples, &oracle)
      for row in 0..<live.count {
        let sign: Float = met[row] ? 1 : -1
        tally[row] += sign
        sum.addRow(row, tried, minus: live.x, times: sign / Float(count))
        noiseSum.addRow(row, tried, minus: live.x, times: 1 / Float(count))
      }
    }
    // The mean vote is taken off, which halves the variance (there, 4.2).
    for row in 0..<live.count { sum.addRow(row, noiseSum, minus: nil, times: -tally[row] / Float(count)) }
    return sum
  }

  /// As far as the class stays: steps are halved until it does.
  private func jump(
    _ live: inout LiveExamples, along direction: Tensor, _ norm: Norm, _ step: Int, _ oracle: inout some Oracle
  ) throws {
    let unit = Ball(norm, epsilon: 1).step(1, along: direction)
    var sizes = (0..<live.count).map { row in
      norm.distance(live.x, row, live.clean, row) / Double(step).squareRoot()
    }
    var open = Array(0..<live.count)
    for _ in 0..<16 where !open.isEmpty {
      let part = live.examples.rows(at: open)
      var way = unit.rows(at: open), at = 0
      way.scaleRows { _ in
        defer { at += 1 }
        return sizes[open[at]]
      }
      let tried = (live.x.rows(at: open) + way).clamped(to: 0...1)
      let met = try decisions(tried, part, &oracle)
      for (at, row) in open.enumerated() {
        if met[at] { live.x.replaceRow(row, with: tried.row(at)) } else { sizes[row] /= 2 }
      }
      open = zip(open, met).filter { !$0.1 }.map(\.0)
    }
  }
}

extension Tensor {
  /// Adds a multiple of a row's difference from the same row of another tensor.
  fileprivate mutating func addRow(_ row: Int, _ a: Tensor, minus b: Tensor?, times factor: Float) {
    let length = rowLength, start = row * length
    elements.withUnsafeMutableBufferPointer { out in
      a.elements.withUnsafeBufferPointer { a in
        if let b {
          b.elements.withUnsafeBufferPointer { b in
            for i in start..<start + length { out[i] += factor * (a[i] - b[i]) }
          }
        } else {
          for i in start..<start + length { out[i] += factor * a[i] }
        }
      }
    }
  }
}
