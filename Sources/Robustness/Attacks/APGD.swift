import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// Auto-PGD: steps that halve where the loss no longer rises, with momentum, going on from the best point.
/// Source: Croce and Hein 2020, arXiv 2003.01690, algorithm 1; in l1 Croce and Hein 2021, arXiv 2103.01208. Of a random
/// model the loss that steers it is the expected one.
public struct APGD: Attack {
  public static let name = "apgd"
  public static let summary = "projected gradient descent that sets its own steps, on cross-entropy or DLR"
  public static let takesValues = true

  /// The loss that is followed.
  public enum Objective: String, Codable, Sendable, CaseIterable {
    case crossEntropy = "ce"
    case dlr
  }
  /// Gradient steps.
  public var steps = 100
  /// The loss that is followed: cross-entropy, or the difference of logits ratio; of a regression the squared error in
  /// place of the first, and no other.
  public var loss = Objective.crossEntropy
  public var details: [String] { ["\(steps) steps"] }
  public init() {}

  public func validate() throws(RobustnessError) { try require(steps, in: 1...100_000, "steps") }

  /// A regression has no logits whose difference could be followed.
  public func checkForValues() throws(RobustnessError) {
    guard loss == .crossEntropy else {
      throw RobustnessError(
        .parameter, at: "probe \(Self.name) loss",
        expected: "\(Objective.crossEntropy.rawValue), the one loss of a regression: its squared error",
        got: "'\(loss.rawValue)', which is of classes", advice: "leave loss out")
    }
  }
  public var reachesEverything: Bool { steps >= 10 }
  public var effort: Int { steps }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    let loss: Loss = loss == .crossEntropy ? .crossEntropy : .dlr
    return try Self.climb(examples, [], steps: steps, loss: loss, in: ball, asking: &oracle)
  }
  public var questions: Int { SparseAscent.questions(steps: steps) + 2 }

  /// - Parameter aims: [B]: the class that each example is led to, where the loss needs one.
  static func climb(
    _ examples: Examples, _ aims: [Int], steps: Int, loss: Loss, in ball: Ball, asking oracle: inout some Oracle
  ) throws -> Tensor {
    ball.norm == .l1
      ? try SparseAscent(steps: steps, loss: loss).climb(examples, aims, in: ball, asking: &oracle)
      : try AdaptiveAscent(steps: steps, loss: loss).climb(examples, aims, in: ball, asking: &oracle)
  }
}

/// The engine of the APGD family in l∞ and l2.
struct AdaptiveAscent {
  let steps: Int
  let loss: Loss

  /// The state of one example.
  private struct Progress {
    var step = 2.0
    /// Numbers of the best point.
    var bestLoss: Float = -.infinity
    var lastLoss: Float = -.infinity
    var bestAtCheckpoint: Float = -.infinity
    var rises = 0
    var hasShrunk = false
  }

  /// The share of steps between two checkpoints that must raise the loss.
  private static let rho = 0.75
  private static let momentum: Float = 0.75

  /// - Parameter aims: [B]: the class that each example is led to, where the loss needs one.
  func climb(_ examples: Examples, _ aims: [Int], in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples, from: ball.edgePoint(around: examples, oracle.random)), aims = aims
    var progress = [Progress](repeating: Progress(), count: examples.count)
    var best = live.x, bestGradient = Tensor(zeros: live.x.shape), before = live.x
    // The distance between checkpoints shrinks from 0.22 of the steps by 0.03 down to 0.06.
    var period = max(Int(0.22 * Double(steps)), 1), sinceCheckpoint = 0
    for step in 0...steps {
      if let kept = live.drop(oracle) {
        progress = kept.map { progress[$0] }
        if !aims.isEmpty { aims = kept.map { aims[$0] } }
        (best, bestGradient, before) = (best.rows(at: kept), bestGradient.rows(at: kept), before.rows(at: kept))
      }
      guard !live.isEmpty else { break }
      let answer = try oracle.ask(
        Question(live.x, of: live.examples, loss: loss, aims: aims, wantsGradient: step < steps))
      var gradient = answer.gradient ?? Tensor(zeros: live.x.shape)
      for row in progress.indices {
        let found = answer.losses[row]
        if step > 0, found > progress[row].lastLoss { progress[row].rises += 1 }
        progress[row].lastLoss = found
        guard found > progress[row].bestLoss else { continue }
        progress[row].bestLoss = found
        best.replaceRow(row, with: live.x.row(row))
        bestGradient.replaceRow(row, with: gradient.row(row))
      }
      guard step < steps else { break }
      if step == 0 { for row in progress.indices { progress[row].bestAtCheckpoint = progress[row].bestLoss } }
      sinceCheckpoint += step > 0 ? 1 : 0
      if sinceCheckpoint == period {
        for row in progress.indices where shrink(&progress[row], period) {
          live.x.replaceRow(row, with: best.row(row))
          gradient.replaceRow(row, with: bestGradient.row(row))
          before.replaceRow(row, with: best.row(row))
        }
        sinceCheckpoint = 0
        period = max(period - max(Int(0.03 * Double(steps)), 1), max(Int(0.06 * Double(steps)), 1))
      }
      let stepped = ball.climb(from: live.x, progress.map(\.step), along: gradient, around: live.clean)
      // Momentum from the second step on.
      let share = step == 0 ? 1 : Self.momentum
      let inertia = live.x.zip(before) { (1 - share) * ($0 - $1) }
      before = live.x
      live.x = ball.project(
        live.x.zip(stepped) { $0 + share * ($1 - $0) } + inertia, around: live.clean)
    }
    return live.all
  }

  /// At a checkpoint: halves the step where too few steps rose, or where neither step nor best loss has changed since
  /// the last.
  private func shrink(_ progress: inout Progress, _ period: Int) -> Bool {
    let oscillates = Double(progress.rises) <= Self.rho * Double(period)
    let stands = !progress.hasShrunk && progress.bestAtCheckpoint >= progress.bestLoss
    progress.hasShrunk = oscillates || stands
    progress.bestAtCheckpoint = progress.bestLoss
    progress.rises = 0
    if progress.hasShrunk { progress.step /= 2 }
    return progress.hasShrunk
  }
}
