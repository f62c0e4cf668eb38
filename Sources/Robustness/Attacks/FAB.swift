import DitherInference
import DitherTensor
import Foundation

/// The fast adaptive boundary attack, targeted: it steps onto the linearized boundary to each of the likeliest wrong
/// classes, drawn towards the clean input, and keeps the nearest point. Source: Croce and Hein 2020, arXiv 1907.02044,
/// algorithm 1, with the published η = 1.05, β = 0.9, α ≤ 0.1; targeted as in arXiv 2003.01690, 6.
public struct FAB: Attack {
  public static let name = "fab"
  public static let summary = "the nearest boundary to each of the likeliest wrong classes"
  public static let isMinimumNorm = true
  /// Linearizations of the model.
  public var steps = 100
  /// Classes whose boundaries are looked at.
  public var targets = 9
  /// How far a step goes past the linearized boundary.
  public var overshoot = 1.05
  /// How much of a found perturbation is kept before going on.
  public var backward = 0.9
  /// The most that a step is drawn towards the clean input.
  public var bias = 0.1
  public var details: [String] { ["\(steps) steps"] }
  public init() {}

  public func validate() throws(RobustnessError) {
    try require(steps, in: 1...100_000, "steps")
    try require(targets, in: 1...10_000, "targets")
    try require(overshoot, in: 1...2, "overshoot")
    try require(backward, in: 0.01...1, "backward")
    try require(bias, in: 0...1, "bias")
  }
  public var reachesEverything: Bool { steps >= 20 }
  public var effort: Int { steps * targets }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples)
    var order = try oracle.answer(at: examples.inputs, of: examples).aims(examples.criteria)
    for rank in 0..<min(targets, order.map(\.count).max() ?? 0) {
      if let kept = live.drop(oracle) { order = kept.map { order[$0] } }
      guard !live.isEmpty else { break }
      live.x = try walk(live.examples, order.map { $0[min(rank, $0.count - 1)] }, ball.norm, &oracle)
    }
    return live.all
  }

  /// Towards one class each.
  private func walk(_ examples: Examples, _ aims: [Int], _ norm: Norm, _ oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples), aims = aims
    for _ in 0..<steps {
      if let kept = live.drop(oracle) { aims = kept.map { aims[$0] } }
      guard !live.isEmpty else { break }
      let answer = try oracle.ask(
        Question(live.x, of: live.examples, loss: .difference, aims: aims, wantsGradient: true))
      guard let gradient = answer.gradient else { break }
      let past = answer.difference(live.examples.criteria, aims), clean = live.clean
      let met = answer.meets(live.examples.criteria)
      for row in 0..<live.count {
        // Where a class is wanted, the one to beat is the strongest other at each point.
        if let rival = answer.rival(live.examples.criteria[row], row), rival != aims[row] {
          aims[row] = rival
          if past[row] > 0, !met[row] { continue }
        }
        // A found point: back towards the clean one, and on from there.
        if past[row] > 0 {
          live.x.mixRow(row, towards: clean, by: Float(1 - backward))
          continue
        }
        guard past[row].isFinite else { continue }
        step(&live.x, row, clean, gradient, past[row], norm)
      }
    }
    return live.all
  }

  private func step(_ x: inout Tensor, _ row: Int, _ clean: Tensor, _ gradient: Tensor, _ past: Float, _ norm: Norm) {
    let here = Array(x.row(row)), start = Array(clean.row(row)), w = gradient.row(row).map { $0.isFinite ? $0 : 0 }
    // The hyperplane past + w · (z − here) = 0, seen from here and from the clean point.
    let missing = -Double(past)
    var offset = 0.0
    for i in w.indices { offset += Double(w[i]) * (Double(here[i]) - Double(start[i])) }
    let fromHere = norm.stepOnto(hyperplane: w, missing, from: here)
    let fromStart = norm.stepOnto(hyperplane: w, missing + offset, from: start)
    let near = fromHere.withUnsafeBufferPointer { norm.length($0) }
    let far = fromStart.withUnsafeBufferPointer { norm.length($0) }
    let share = Float(near + far > 0 ? min(near / (near + far), bias) : 0), eta = Float(overshoot)
    let moved = here.indices.map { i -> Float in
      let there = here[i] + eta * fromHere[i], back = start[i] + eta * fromStart[i]
      return min(max((1 - share) * there + share * back, 0), 1)
    }
    x.replaceRow(row, with: moved[...])
  }
}

extension Answer {
  /// The class that stands in the way of a targeted criterion: the strongest other; nil of an untargeted one.
  func rival(_ criterion: Criterion, _ row: Int) -> Int? {
    guard case .targeted(let target) = criterion else { return nil }
    let scores = scores.row(row), start = scores.startIndex
    return (0..<scores.count).filter { $0 != target }.max { scores[start + $0] < scores[start + $1] }
  }

  /// [B]: how far each row is past the boundary between its own class and its aim, in scores.
  func difference(_ criteria: [Criterion], _ aims: [Int]) -> [Float] {
    criteria.indices.map { row in
      let scores = scores.row(row), start = scores.startIndex
      guard scores.indices.contains(start + aims[row]), scores.indices.contains(start + criteria[row].label) else {
        return .nan
      }
      let value = scores[start + aims[row]] - scores[start + criteria[row].label]
      if case .targeted = criteria[row] { return -value }
      return value
    }
  }
}

extension Tensor {
  /// A row moves by a share of the way towards the same row of another tensor.
  mutating func mixRow(_ row: Int, towards other: Tensor, by share: Float) {
    let mixed = Swift.zip(self.row(row), other.row(row)).map { $0 + share * ($1 - $0) }
    replaceRow(row, with: mixed[...])
  }
}

extension Norm {
  /// The shortest step from a point of the unit cube after which w · step = `missing`, inside the cube; where the cube
  /// ends before, the step that comes nearest.
  ///
  /// Along the sign of each w_i every coordinate goes as far as the norm lets it for a multiplier t (all by t in l∞, by
  /// t |w_i| in l2) or to the cube's side. What is gained is concave and piecewise linear in t, so Newton's method from
  /// 0 ends exactly.
  func stepOnto(hyperplane w: [Float], _ missing: Double, from point: [Float]) -> [Float] {
    let forward: Double = missing < 0 ? -1 : 1, wanted = abs(missing)
    func room(_ i: Int) -> Double {
      Double(w[i]) * forward > 0 ? 1 - Double(point[i]) : Double(w[i]) * forward < 0 ? Double(point[i]) : 0
    }
    guard wanted > 0, wanted.isFinite else { return [Float](repeating: 0, count: w.count) }
    var length = [Double](repeating: 0, count: w.count)
    if self == .l1 {
      // The coordinates that gain most for their length, each to its side, until it is enough.
      var left = wanted
      for i in w.indices.sorted(by: { (abs(w[$1]), $0) < (abs(w[$0]), $1) }) where left > 0 && w[i] != 0 {
        length[i] = min(left / abs(Double(w[i])), room(i))
        left -= length[i] * abs(Double(w[i]))
      }
    } else {
      var t = 0.0
      for _ in 0..<64 {
        var gain = 0.0, slope = 0.0
        for i in w.indices where w[i] != 0 {
          let size = abs(Double(w[i])), rate = self == .linf ? 1 : size, free = room(i)
          gain += size * min(t * rate, free)
          if t * rate < free { slope += size * rate }
        }
        guard gain < wanted * (1 - 1e-12), slope > 0 else { break }
        t += (wanted - gain) / slope
      }
      for i in w.indices where w[i] != 0 { length[i] = min(t * (self == .linf ? 1 : abs(Double(w[i]))), room(i)) }
    }
    return w.indices.map { Float((Double(w[$0]) * forward > 0 ? 1 : -1) * length[$0]) }
  }
}
