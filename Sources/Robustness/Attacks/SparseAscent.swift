import DitherInference
import DitherTensor
import Foundation

/// The engine of the APGD family in l1: steps along as few coordinates as the best point so far has changed, on balls
/// that shrink to the wanted one. Croce and Hein 2021, arXiv 2103.01208, algorithm 1, and their code's constants; there
/// is no momentum.
struct SparseAscent {
  let steps: Int
  let loss: Loss

  /// Radii, as multiples of the wanted one, and their shares of the steps: a point of a larger ball is a better start.
  private static let stages: [(radius: Double, share: Double)] = [(3, 0.3), (2, 0.3), (1, 0.4)]
  /// The share of all coordinates that the first steps change.
  private static let firstShare = 0.2
  /// A step changes so many times fewer coordinates than the best point has changed.
  private static let reduction = 1.5
  /// The number by which a step is divided where the best point grew no sparser, and the most by which it is divided in
  /// all.
  private static let shrink = 1.5, mostShrunk = 10.0
  /// Where the best point has fewer changed coordinates than so many of the ones before, the step starts anew.
  private static let sparser = 0.95

  /// The state of one example in a stage. The step is a multiple of the radius.
  private struct Progress {
    var step = 1.0
    var share: Double
    var changed: Double
    var bestLoss: Float = -.infinity
  }

  /// Questions of each example.
  static func questions(steps: Int) -> Int { steps + stages.count + 3 }

  /// - Parameter aims: [B]: the class that each example is led to, where the loss needs one.
  func climb(_ examples: Examples, _ aims: [Int], in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    let noise = examples.normals(at: oracle.random)
    var live = LiveExamples(examples), aims = aims, left = steps
    live.x = Ball(.l1, epsilon: Self.stages[0].radius * ball.epsilon)
      .project(examples.inputs + noise, around: examples.inputs)
    for (number, stage) in Self.stages.enumerated() {
      let isLast = number == Self.stages.count - 1
      let count = isLast ? left : min(Int((stage.share * Double(steps)).rounded(.up)), left)
      left -= count
      guard count > 0, !live.isEmpty else { continue }
      let wide = Ball(.l1, epsilon: stage.radius * ball.epsilon)
      live.x = wide.project(live.x, around: live.clean)
      if isLast { try takeFarthest(&live, aims, in: ball, &oracle) }
      try climb(&live, &aims, count, isFirst: number == 0, in: wide, &oracle)
    }
    return live.all
  }

  /// Unlike theirs, the last stage starts from where a linear model is worst, where that is higher: of 20 features 0.40
  /// was left for the 0.33 of one such step.
  private func takeFarthest(
    _ live: inout LiveExamples, _ aims: [Int], in ball: Ball, _ oracle: inout some Oracle
  ) throws {
    func ask(_ x: Tensor, wantsGradient: Bool) throws -> Answer {
      try oracle.ask(Question(x, of: live.examples, loss: loss, aims: aims, wantsGradient: wantsGradient))
    }
    guard let gradient = try ask(live.clean, wantsGradient: true).gradient else { return }
    let farthest = ball.farthest(along: gradient, from: live.clean)
    let losses = try (ask(live.x, wantsGradient: false).losses, ask(farthest, wantsGradient: false).losses)
    for row in 0..<live.count where losses.1[row] > losses.0[row] { live.x.replaceRow(row, with: farthest.row(row)) }
  }

  /// One stage; its best points are where the next one starts.
  private func climb(
    _ live: inout LiveExamples, _ aims: inout [Int], _ steps: Int, isFirst: Bool, in ball: Ball,
    _ oracle: inout some Oracle
  ) throws {
    let dimensions = Double(live.x.rowLength), period = max(Int(0.04 * Double(steps)), 1)
    var progress = (0..<live.count).map { row -> Progress in
      let changed = isFirst ? dimensions : live.changed(row, live.x)
      return Progress(share: isFirst ? Self.firstShare : changed / dimensions / Self.reduction, changed: changed)
    }
    var best = live.x, bestGradient = Tensor(zeros: live.x.shape), sinceCheck = 0
    for step in 0...steps {
      if let kept = live.drop(oracle) {
        progress = kept.map { progress[$0] }
        if !aims.isEmpty { aims = kept.map { aims[$0] } }
        (best, bestGradient) = (best.rows(at: kept), bestGradient.rows(at: kept))
      }
      guard !live.isEmpty else { return }
      let answer = try oracle.ask(
        Question(live.x, of: live.examples, loss: loss, aims: aims, wantsGradient: step < steps))
      var gradient = answer.gradient ?? Tensor(zeros: live.x.shape)
      for row in progress.indices where answer.losses[row] > progress[row].bestLoss {
        progress[row].bestLoss = answer.losses[row]
        best.replaceRow(row, with: live.x.row(row))
        bestGradient.replaceRow(row, with: gradient.row(row))
      }
      guard step < steps else { break }
      sinceCheck += step > 0 ? 1 : 0
      if sinceCheck == period {
        sinceCheck = 0
        for row in progress.indices {
          let changed = live.changed(row, best), isSparser = changed < Self.sparser * progress[row].changed
          progress[row].share = changed / dimensions / Self.reduction
          progress[row].changed = changed
          progress[row].step = isSparser ? 1 : max(progress[row].step / Self.shrink, 1 / Self.mostShrunk)
          guard isSparser else { continue }
          live.x.replaceRow(row, with: best.row(row))
          gradient.replaceRow(row, with: bestGradient.row(row))
        }
      }
      var row = 0
      gradient.changeRows { values in
        let kept = max(Int((progress[row].share * dimensions).rounded(.up)), 1)
        // Unlike theirs: what stands at the box takes no share of the step, on a linear model 0.23 left for 0.08.
        live.x.row(row).withUnsafeBufferPointer { point in
          Norm.l1.spread(values, to: progress[row].step * ball.epsilon, over: kept, from: point)
        }
        row += 1
      }
      live.x = ball.project(live.x + gradient, around: live.clean)
    }
    live.x = best
  }
}

extension LiveExamples {
  /// How many coordinates of a row differ from the clean ones.
  fileprivate func changed(_ row: Int, _ x: Tensor) -> Double {
    Double(zip(x.row(row), clean.row(row)).count { $0 != $1 })
  }
}

extension Tensor {
  fileprivate mutating func changeRows(_ change: (UnsafeMutableBufferPointer<Float>) -> Void) {
    let length = rowLength
    elements.withUnsafeMutableBufferPointer { all in forEachRow(of: all, length: length) { row, _ in change(row) } }
  }
}
