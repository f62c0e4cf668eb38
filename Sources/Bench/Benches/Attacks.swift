import DitherBasics
import DitherDatasets
import DitherInference
import DitherRobustness
import DitherTensor
import Dispatch
import Foundation
import Synchronization

extension Bench {
  /// 1000 images attacked on two threads. As audits run it, examples that are broken are dropped; the benches named
  /// `…-all` take every step for every image, as attack libraries do. Bars: scripts/bench-attack-peers.
  private static func attack(_ name: String, _ steps: Int, _ work: String, dropsBroken: Bool) -> Bench {
    let summary = "PGD-\(steps), 1000 images, two threads" + (dropsBroken ? "" : ", no example dropped")
    return Bench("attack/\(name)" + (dropsBroken ? "" : "-all"), summary) { seconds in
      let (model, inputs, labels, epsilon) = try victim(work)
      var attack = PGD()
      attack.steps = steps
      let ball = Ball(.linf, epsilon: epsilon), count = labels.count
      // The peers get all images as one batch.
      let each = (count + 1) / 2
      func round() throws -> (survivors: Int, questions: Int) {
        let survivors = Mutex(0), asked = Mutex(0), failure = Mutex<(any Error)?>(nil)
        DispatchQueue.concurrentPerform(iterations: (count + each - 1) / each) { [attack] part in
          let rows = part * each..<min((part + 1) * each, count)
          let examples = Examples(
            inputs.rows(rows), rows.map { .untargeted(label: labels[$0]) }, identities: rows.map(UInt64.init))
          var oracle = ModelOracle(model, seed: 1)
          do {
            let found =
              dropsBroken
              ? try attack.run(on: examples, in: ball, asking: &oracle)
              : try attack.perturb(examples, in: ball, asking: &oracle)
            let answers = try model.outputs(found).labels()
            asked.withLock { $0 += oracle.questions }
            survivors.withLock { $0 += zip(rows, answers).count { labels[$0] == $1 } }
          } catch {
            failure.withLock { $0 = error }
          }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        return (survivors.withLock { $0 }, asked.withLock { $0 })
      }
      let (survivors, questions) = try round()
      var times: [Double] = []
      let end = ContinuousClock.now + .seconds(seconds)
      repeat {
        let start = ContinuousClock.now
        _ = try round()
        times.append(start.duration(to: .now).seconds)
      } while ContinuousClock.now < end || times.count < 3
      return Measurement(
        times: times,
        details: [
          "robust_accuracy": Double(survivors) / Double(count), "questions_each": Double(questions) / Double(count),
        ])
    }
  }

  /// The shipped models on MNIST; for the ResNet, which none is shipped of, weights and images from a seed and its own
  /// answers as labels.
  private static func victim(_ work: String) throws -> (Model, Tensor, [Int], epsilon: Double) {
    if work == "resnet18" {
      let model = try Model(Fixtures.resnet()), inputs = Fixtures.images(64, [3, 32, 32])
      return (model, inputs, try model.outputs(inputs).labels(), 2.0 / 255)
    }
    guard let file = FileManager.default.contents(atPath: "models/mnist-\(work)-baseline.onnx") else {
      throw Skip(reason: "models/mnist-\(work)-baseline.onnx is not in this folder")
    }
    guard let set = try? Dataset.load("mnist:1000") else {
      throw Skip(reason: "mnist is not on this machine: dither data get mnist")
    }
    let model = try Model(onnx: [UInt8](file))
    let shape = Shape([set.count] + model.signature.inputShape.dimensions)
    return (model, set.inputs.reshaped(shape), try set.labels, 0.1)
  }

  static let attacks: [Bench] = [
    ("pgd40-mlp", 40, "mlp"), ("pgd40-cnn", 40, "cnn"), ("pgd20-resnet18", 20, "resnet18"),
  ].flatMap { name, steps, work in [true, false].map { attack(name, steps, work, dropsBroken: $0) } }
}
