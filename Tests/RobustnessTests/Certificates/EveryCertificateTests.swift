import DitherBasics
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

/// What holds for every certificate of the catalog.
@Suite("Every certificate")
struct EveryCertificateTests {
  private func certifier(_ name: String) throws -> any Certifier {
    func made<C: Certifier>(_ certifier: C) throws -> any Certifier {
      // A tenth of the copies: what is tested holds for any number of them.
      name == Smoothing.name ? try Parameters.overlay(["n": "1000", "n0": "50"], on: certifier, of: name) : certifier
    }
    return try made(try Catalog.certificates.entry(named: name).init())
  }

  private func certify(
    _ name: String, _ model: Model, _ inputs: Tensor, _ labels: [Int], identities: [UInt64]? = nil, seed: UInt64 = 3
  ) throws -> [Certificate] {
    let predictor = DeployedPredictor(model, samples: 0, seed: 1), certifier = try certifier(name)
    try certifier.validate()
    try certifier.check(predictor)
    let batch = ProbeBatch(
      inputs: inputs, labels: labels, identities: identities ?? labels.indices.map(UInt64.init), seed: seed,
      isFirst: false, isCancelled: { false })
    return try certifier.certify(batch, of: predictor).certificates
  }

  private func constant() throws -> Model {
    let builder = GraphBuilder(name: "constant"), x = try builder.flatten(builder.input("x", [1, 4, 4]))
    let logits = try builder.dense(
      x, builder.parameter("w", Tensor(zeros: [3, 16])), builder.parameter("b", Tensor([3], [0, 5, 1])))
    return try Model(builder.finish(outputs: [("logits", logits)]))
  }

  private let inputs = Tensor.random([12, 1, 4, 4], seed: 9, from: 0, to: 1)

  @Test("radii are of the listed range, and none without the right label", arguments: Catalog.certificates.names)
  func ranges(_ name: String) throws {
    let model = try Small.model(), labels = try model.outputs(inputs).labels()
    let wrong = labels.enumerated().map { $0 % 3 == 0 ? ($1 + 1) % 3 : $1 }
    let found = try certify(name, model, inputs, wrong), largest = try certifier(name).radii.last ?? 0
    #expect(found.count == 12)
    for (row, one) in found.enumerated() {
      #expect(one.radius >= 0 && one.radius.isFinite && one.radius <= largest * 1.3 + 1e-9)
      #expect(!one.abstained || one.radius == 0)
      if !one.abstained { #expect(one.correct == (one.label == wrong[row])) }
    }
  }

  @Test("a constant answer is certified wherever it is right", arguments: Catalog.certificates.names)
  func constants(_ name: String) throws {
    let found = try certify(name, try constant(), inputs, [Int](repeating: 1, count: 12))
    #expect(found.allSatisfy { $0.label == 1 && $0.correct && !$0.abstained && $0.radius > 0 })
    let wrong = try certify(name, try constant(), inputs, [Int](repeating: 2, count: 12))
    #expect(wrong.allSatisfy { !$0.correct })
  }

  @Test("an example without an answer is not certified", arguments: Catalog.certificates.names)
  func noAnswer(_ name: String) throws {
    let zeros = Tensor(zeros: [4, 1, 4, 4])  // x / x is NaN
    guard let found = try? certify(name, try Small.fragile(), zeros, [0, 0, 0, 0]) else { return }  // refused: as good
    #expect(found.allSatisfy { !($0.correct && $0.radius > 0) })
  }

  @Test("a certificate is of its example, not of its batch or its place in it", arguments: Catalog.certificates.names)
  func company(_ name: String) throws {
    let model = try Small.model(), labels = try model.outputs(inputs).labels()
    let all = try certify(name, model, inputs, labels), order = [7, 2, 11, 0]
    let some = try certify(
      name, model, inputs.rows(at: order), order.map { labels[$0] }, identities: order.map(UInt64.init))
    #expect(some == order.map { all[$0] })
    #expect(try certify(name, model, inputs, labels) == all)
  }
}
