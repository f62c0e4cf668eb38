import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Scikit-learn's preprocessing as ONNX-ML has it; the expected numbers follow from ONNX's text by hand.
@Suite("Encoders")
struct EncoderTests {
  private func run(_ type: String, _ attributes: [String: OnnxAttribute], _ x: Literal) throws -> Literal {
    let node = OnnxNode(name: "op", type: type, opset: 21, attributes: attributes, presentInputs: [true])
    let builder = GraphBuilder()
    let input = builder.input("x", x.type.shape.row.dimensions, element: x.type.element)
    let op = try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node)
    var made = builder.finish(outputs: [("y", try builder.apply(op, [input])[0])])
    if let labels = op.classLabels {
      made.metadata[Graph.labelsKey] = String(decoding: try JSONEncoder().encode(labels), as: UTF8.self)
    }
    let written = try made.onnx(), graph = try Graph(onnx: written)
    #expect(try graph.onnx() == written)
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: x.type.shape[0]))
    plan.write(x, to: 0)
    plan.forward()
    return plan.literal(0)
  }

  @Test("labels are looked up, of all kinds")
  func labels() throws {
    let keys: OnnxAttribute = .ints([3, 5, 3]), x = Literal.int64([2, 2], [5, 3, 4, 3])
    #expect(
      try run("LabelEncoder", ["keys_int64s": keys, "values_int64s": .ints([7, 8, 9])], x)
        == .int64([2, 2], [8, 9, -1, 9]))
    #expect(
      try run(
        "LabelEncoder",
        ["keys_int64s": keys, "values_floats": .floats([0.5, 1.5, 2.5]), "default_float": .float(-4)], x)
        == .float(Tensor([2, 2], [1.5, 2.5, -4, 2.5])))
    #expect(
      try run(
        "LabelEncoder",
        [
          "keys_tensor": .tensor(.float(Tensor([3], [0, .nan, 2]))),
          "values_tensor": .tensor(.int64([3], [10, 20, 30])),
          "default_tensor": .tensor(.int64([1], [40])),
        ], .float(Tensor([2, 2], [-0.0, .nan, 2, 3]))) == .int64([2, 2], [10, 20, 30, 40]))
    // Texts are put out as their positions.
    #expect(
      try run(
        "LabelEncoder", ["keys_int64s": .ints([0, 1]), "values_strings": .strings(["cat", "dog"])],
        .int64([3], [1, 0, 2])) == .int64([3], [1, 0, -1]))
  }

  @Test("what is missing is filled in, by feature")
  func imputes() throws {
    let x = Literal.float(Tensor([2, 3], [1, .nan, 3, .nan, 5, .nan]))
    #expect(
      try run(
        "Imputer", ["imputed_value_floats": .floats([10, 20, 30]), "replaced_value_float": .float(.nan)], x)
        == .float(Tensor([2, 3], [1, 20, 3, 10, 5, 30])))
    #expect(
      try run(
        "Imputer", ["imputed_value_floats": .floats([7]), "replaced_value_float": .float(3)],
        .float(Tensor([1, 3], [1, 3, 5]))) == .float(Tensor([1, 3], [1, 7, 5])))
    #expect(
      try run(
        "Imputer", ["imputed_value_int64s": .ints([7, 8]), "replaced_value_int64": .int(-1)],
        .int64([2, 2], [-1, 2, 3, -1])) == .int64([2, 2], [7, 2, 3, 8]))
  }

  @Test("categories become rows of noughts and a one")
  func oneHot() throws {
    let categories: OnnxAttribute = .ints([4, 0, 9])
    #expect(
      try run("OneHotEncoder", ["cats_int64s": categories], .int64([2, 2], [0, 4, 9, 1]))
        == .float(Tensor([2, 2, 3], [0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0])))
    // Floats are cut to integers.
    #expect(
      try run("OneHotEncoder", ["cats_int64s": categories], .float(Tensor([2], [9.75, -0.5])))
        == .float(Tensor([2, 3], [0, 0, 1, 0, 1, 0])))
    guard
      case .float(let strict) = try run(
        "OneHotEncoder", ["cats_int64s": categories, "zeros": .int(0)], .int64([2], [4, 1]))
    else { return }
    #expect(strict.elements[..<3] == [1, 0, 0] && strict.elements[3...].allSatisfy(\.isNaN))
  }

  @Test("tables that do not fit are refused")
  func refuses() {
    let x = Literal.int64([2, 2], [1, 2, 3, 4])
    for (type, attributes, word) in [
      ("LabelEncoder", ["keys_strings": .strings(["a"]), "values_int64s": .ints([1])], "texts"),
      ("LabelEncoder", ["keys_int64s": .ints([1, 2]), "values_int64s": .ints([1])], "2 values"),
      ("LabelEncoder", ["keys_int64s": .ints([1])], "1 values"),
      ("LabelEncoder", ["keys_floats": .floats([1]), "values_int64s": .ints([1])], "float32"),
      ("Imputer", [:], "numbers in one of them"),
      ("Imputer", ["imputed_value_int64s": .ints([1, 2, 3])], "3 features"),
      ("Imputer", ["imputed_value_floats": .floats([1])], "float32"),
      ("OneHotEncoder", ["cats_strings": .strings(["a"])], "texts"),
      ("OneHotEncoder", ["cats_int64s": .ints([1, 1])], "once"),
    ] as [(String, [String: OnnxAttribute], String)] {
      let error = #expect(throws: GraphError.self) { try run(type, attributes, x) }
      #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
    }
  }
}
