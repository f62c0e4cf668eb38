import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Support vector machines against scikit-learn 1.9.1: fits of twelve points by skl2onnx 1.20, whose attributes these are,
/// and what `predict`, `predict_proba` and `decision_function` say of four others. Onnxruntime 1.32 says the same.
@Suite("Support vector machines")
struct SupportVectorTests {
  static let x = Tensor([4, 2], [0.5, 1, 1.5, 1, -1, 0.5, 3, -1])
  /// SVC(gamma=0.5) of three classes.
  static let three: [String: OnnxAttribute] = [
    "classlabels_ints": .ints([0, 1, 2]), "vectors_per_class": .ints([3, 3, 3]), "kernel_type": .string("RBF"),
    "kernel_params": .floats([0.5, 0, 3]),
    "rho": .floats([-0.010550285689532757, -0.02071373723447323, -0.031606920063495636]),
    "coefficients": .floats([
      0.03481326997280121, 1, 0.8487699031829834, -0.2238236516714096, -0.659759521484375, -1, -0.3111250102519989,
      -0.5571233034133911, -1, 0.7558401823043823, 0.1124081015586853, 1, 0.5084198713302612, 0.6931654214859009,
      0.3679807186126709, -0.29325875639915466, -0.6245746612548828, -0.6517325639724731,
    ]),
    "support_vectors": .floats([
      0, 0, 1, 0.25, 0.25, 1, 2.5, 1.5, 1.5, 2.5, 1.75, 1.25, -1.5, 2, -2.5, 1.5, -1, 1,
    ]),
  ]
  /// SVC(kernel="poly", gamma=0.5, coef0=1, degree=2) of two.
  static let two: [String: OnnxAttribute] = [
    "classlabels_strings": .strings(["no", "yes"]), "vectors_per_class": .ints([2, 1]), "kernel_type": .string("POLY"),
    "kernel_params": .floats([0.5, 1, 2]), "rho": .floats([1.7141505479812622]),
    "coefficients": .floats([0.3802664875984192, 0.014566732570528984, -0.39483320713043213]),
    "support_vectors": .floats([1, 0.25, 0.25, 1, 1.75, 1.25]),
  ]
  /// SVR(kernel="sigmoid", gamma=0.25, coef0=0.5).
  static let regression: [String: OnnxAttribute] = [
    "coefficients": .floats([-1, -1, -1, 1, 1, 1, 1, -1, 1, -1, 1, -1]), "n_supports": .int(12),
    "kernel_type": .string("SIGMOID"), "kernel_params": .floats([0.25, 0.5, 3]), "rho": .floats([1.1445841789245605]),
    "support_vectors": .floats([
      0, 0, 1, 0.25, 0.25, 1, 2, 2, 2.5, 1.5, 1.5, 2.5, -2, 1, -1.5, 2, -2.5, 1.5, 0.5, 0.5, 1.75, 1.25, -1, 1,
    ]),
  ]

  private func run(_ type: String, _ attributes: [String: OnnxAttribute]) throws -> (classes: [Int64], scores: Tensor) {
    let outputs = type == "SVMClassifier" ? 2 : 1
    let node = OnnxNode(
      name: "model", type: type, opset: 21, attributes: attributes, presentInputs: [true], outputCount: outputs)
    let builder = GraphBuilder(), input = builder.input("x", [2])
    let values = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), [input])
    let graph = try Graph(onnx: builder.finish(outputs: values.enumerated().map { ("y\($0)", $1) }).onnx())
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 4))
    plan.write(.float(Self.x), to: 0)
    plan.forward()
    let scores = Tensor(plan.outputTypes[outputs - 1].shape, Array(plan.output(outputs - 1)))
    return (outputs == 2 ? Array(plan.outputs[0].bindMemory(to: Int64.self)) : [], scores)
  }

  @Test("decisions of the pairs, and the class that most are for")
  func decisions() throws {
    let found = try run("SVMClassifier", Self.three)
    #expect(found.classes == [0, 1, 2, 0])
    let expected = Tensor(
      [4, 3],
      [
        0.8964899, 1.0723185, 0.0871161, -0.2223661, 0.6146351, 0.7804584, 0.4607634, -0.2787002, -0.8026373, 0.0086915,
        -0.0056167, 0.0019729,
      ])
    #expect(found.scores.isClose(to: expected, absolute: 1e-5))
  }

  @Test("probabilities are those of libsvm's steps")
  func probabilities() throws {
    var attributes = Self.three
    attributes["prob_a"] = .floats([-2.0052950382232666, -2.043452739715576, -1.9827194213867188])
    attributes["prob_b"] = .floats([0.18321378529071808, 0.21513840556144714, 0.19947120547294617])
    let found = try run("SVMClassifier", attributes)
    #expect(found.classes == [0, 1, 2, 0])
    let expected = Tensor(
      [4, 3],
      [
        0.7467859, 0.1397425, 0.1134716, 0.3088109, 0.5619768, 0.1292123, 0.2720684, 0.1142759, 0.6136557, 0.2903666,
        0.3276187, 0.3820147,
      ])
    #expect(found.scores.isClose(to: expected, absolute: 1e-5))
  }

  @Test("of two classes the larger score is the class that is decided for")
  func binary() throws {
    var attributes = Self.two
    var found = try run("SVMClassifier", attributes)
    #expect(found.classes == [0, 1, 0, 0])
    let decisions: [Float] = [-0.7890717, 0.3144729, -1.7773317, -0.3167449]
    #expect(found.scores.isClose(to: Tensor([4, 2], decisions.flatMap { [-$0, $0] }), absolute: 1e-5))
    // SVC(gamma=0.5, probability=True).
    attributes = [
      "classlabels_ints": .ints([0, 1]), "vectors_per_class": .ints([5, 3]), "kernel_type": .string("RBF"),
      "kernel_params": .floats([0.5, 0, 3]), "rho": .floats([0.3321894705295563]),
      "prob_a": .floats([-2.3666787147521973]), "prob_b": .floats([0.007845288142561913]),
      "coefficients": .floats([
        0.938900351524353, 0.5456893444061279, 0.17488937079906464, 0.3201318681240082, 0.34833481907844543,
        -0.4582017660140991, -0.8697440028190613, -1,
      ]),
      "support_vectors": .floats([1, 0.25, 0.25, 1, -2, 1, -1.5, 2, -2.5, 1.5, 2.5, 1.5, 1.5, 2.5, 1.75, 1.25]),
    ]
    found = try run("SVMClassifier", attributes)
    let expected: [Float] = [0.8822291, 0.3507131, 0.8945577, 0.6878939]
    #expect(found.classes == [0, 1, 0, 0])
    #expect(found.scores.isClose(to: Tensor([4, 2], expected.flatMap { [$0, 1 - $0] }), absolute: 1e-5))
  }

  @Test("without support vectors it is a weighted sum")
  func linear() throws {
    let found = try run(
      "SVMClassifier",
      ["classlabels_ints": .ints([5, 6, 7]), "coefficients": .floats([1, 0, 0, 1, -1, -1]), "rho": .floats([0.5])])
    #expect(found.classes == [6, 5, 6, 5])
    #expect(found.scores.elements == [1, 1.5, -1, 2, 1.5, -2, -0.5, 1, 1, 3.5, -0.5, -1.5])
  }

  @Test("regression, and one class")
  func regression() throws {
    let found = try run("SVMRegressor", Self.regression).scores
    #expect(
      found.isClose(to: Tensor([4, 1], [1.9000780, 1.4799196, 0.5822402, 1.8236234]), absolute: 1e-5))
    var attributes = Self.regression
    attributes["rho"] = .floats([1.1445841789245605 - 1.5])
    attributes["one_class"] = .int(1)
    #expect(try run("SVMRegressor", attributes).scores.elements == [1, -1, -1, 1])
  }

  /// Features with a mean of a thousand and a spread of one: distances must not drown in what the numbers have in common.
  @Test("distances of numbers that are far from 0")
  func distances() throws {
    let node = OnnxNode(
      name: "model", type: "SVMRegressor", opset: 21,
      attributes: [
        "coefficients": .floats([1]), "n_supports": .int(1), "kernel_type": .string("RBF"), "rho": .floats([0]),
        "kernel_params": .floats([0.5, 0, 3]), "support_vectors": .floats([1000, 1001]),
      ], presentInputs: [true])
    let builder = GraphBuilder(), input = builder.input("x", [2])
    let y = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: "SVMRegressor").init(node), [input])[0]
    let found = try Network(builder.finish(outputs: [("y", y)])).outputs([.float(Tensor([1, 2], [1000.5, 1002]))])
    #expect(abs(found[0] - 0.53526143) < 1e-6)  // exp(−0.625)
  }

  @Test(
    "machines that are none are refused",
    arguments: [
      ["kernel_type": OnnxAttribute.string("COSINE")], ["kernel_params": .floats([1])], ["rho": .floats([1, 2])],
      ["vectors_per_class": .ints([3, 3])], ["vectors_per_class": .ints([3, 3, -3])],
      ["vectors_per_class": .ints([.max, .max, 2])], ["coefficients": .floats([1, 2, 3])],
      ["support_vectors": .floats([1, 2, 3, 4])], ["prob_a": .floats([1, 2, 3])],
      ["prob_a": .floats([1]), "prob_b": .floats([1])], ["post_transform": .string("PROBIT")],
      ["classlabels_ints": .ints([1])],
    ])
  func refuses(_ change: [String: OnnxAttribute]) {
    #expect(throws: GraphError.self) { try run("SVMClassifier", Self.three.merging(change) { $1 }) }
  }
}
