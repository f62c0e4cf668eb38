import DitherBasics
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Synchronization
import Testing

/// What attacks made can be had, and judged by others.
@Suite("Adversarial inputs")
struct AdversarialsTests {
  @Test(
    "judged again they give what the report says", arguments: ["pgd:epsilon=0.1", "deepfool:norm=linf,epsilon=0.1"])
  func judgedAgain(_ probe: String) throws {
    let model = try Small.model(), runner = try Small.runner(of: model, ["clean", probe], count: 60)
    let made = Mutex<[Adversarials]>([])
    let results = try runner.runAll(threads: 2, adversarials: { part in made.withLock { $0.append(part) } })
    let report = try runner.report(results).probes[1], data = try Small.data(60, for: model)
    let parts = made.withLock { $0 }.sorted { $0.indices[0] < $1.indices[0] }
    #expect(parts.allSatisfy { $0.probe == 1 } && parts.flatMap(\.indices) == Array(0..<60))
    #expect(parts.flatMap(\.labels) == data.labels)
    let ball = Ball(.linf, epsilon: 0.1)
    for part in parts {
      let clean = data.inputs.rows(at: part.indices), answers = try model.outputs(part.inputs).labels()
      #expect(answers == part.answers)
      let inside = ball.rowsInside(part.inputs, around: clean)
      for (at, row) in part.indices.enumerated() {
        // What is wrong without an attack is wrong with it.
        #expect(report.perExample[row] == !(answers[at] != data.labels[row] && inside[at]))
      }
    }
  }

  @Test("probes that attack nothing make nothing")
  func nothing() throws {
    let runner = try Small.runner(of: Small.model(), ["clean", "gaussian_noise:severity=1"])
    let made = Mutex(0)
    _ = try runner.runAll(adversarials: { _ in made.withLock { $0 += 1 } })
    #expect(made.withLock { $0 } == 0)
  }
}
