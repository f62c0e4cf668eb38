import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

/// Rows are looked at once, by the signature, and only such rows go through a model.
@Suite("Inputs of a model")
struct CheckedInputsTests {
  private func model(_ width: Int) throws -> Model {
    let builder = GraphBuilder(name: "net"), x = builder.input("x", [width])
    let w = builder.parameter("w", Tensor.random([3, width], seed: 2, from: -1, to: 1))
    return try Model(builder.finish(outputs: [("y", try builder.dense(x, w, nil, name: "fc"))]))
  }

  @Test("numbers that are none are refused with their row and place", arguments: [Float.nan, .infinity, -.infinity])
  func notFinite(_ bad: Float) throws {
    let model = try model(5)
    var inputs = Tensor.random([4, 5], seed: 3, from: -1, to: 1)
    inputs.elements[2 * 5 + 3] = bad
    let error = #expect(throws: InferenceError.self) { try model.signature.checked(inputs) }
    #expect(error?.code == .notFinite && error?.place == "input 'x', row 2")
    #expect(error?.got.hasSuffix("at element 3") == true)
    #expect(throws: InferenceError.self) { try model.outputs(inputs) }
    #expect(throws: InferenceError.self) { try MonteCarloPredictor(model).predict(inputs, .deterministic) }
  }

  @Test("rows checked for one model are not another's of another shape")
  func ofAnother() throws {
    let small = try model(5), large = try model(6)
    let rows = try large.signature.checked(Tensor(zeros: [2, 6]))
    #expect(throws: InferenceError.self) { try small.outputs(rows) }
    #expect(throws: InferenceError.self) { try small.sampledOutputs(rows, NoiseDraws(0..<1, seeds: [1, 1])) }
    #expect(throws: InferenceError.self) { try MonteCarloPredictor(small).predict(rows, .deterministic) }
  }

  @Test("rows that were looked at one by one give together what they give at once")
  func joined() throws {
    let model = try model(5), inputs = Tensor.random([7, 5], seed: 4, from: -1, to: 1)
    let parts = try (0..<7).map { try model.signature.checked(inputs.rows($0..<$0 + 1)) }
    let joined = CheckedInputs.concatenate(parts)
    #expect(joined.rowCount == 7 && joined.tensor == inputs)
    #expect(try model.outputs(joined) == model.outputs(inputs))
  }
}
