import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

/// Rows whose answers depend on the rest of their batch, and the node that is named for it.
@Suite("Rows that depend on each other")
struct RowDependenceTests {
  private func op(_ type: String, _ attributes: [String: OnnxAttribute]) throws -> any OnnxOp {
    try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
      OnnxNode(name: type, type: type, opset: 12, attributes: attributes, presentInputs: [true]))
  }

  private func model(_ tail: (GraphBuilder, Value) throws -> Value) throws -> Model {
    let builder = GraphBuilder(name: "net"), x = builder.input("x", [5])
    let w = builder.parameter("w", Tensor.random([3, 5], seed: 2, from: -1, to: 1))
    let z = try builder.dense(x, w, nil, name: "fc")
    return try Model(builder.finish(outputs: [("y", try tail(builder, z))]))
  }

  private let inputs = Tensor.random([6, 5], seed: 3, from: -1, to: 1)

  @Test("rows of their own are no finding, whatever they hold")
  func apart() throws {
    let sound = try model { builder, z in try builder.softmax(builder.relu(z)) }
    #expect(try sound.rowDependence(on: inputs) == nil && sound.graph.nodeJoiningRows() == nil)
  }

  @Test("a softmax over the rows, and a batch's own statistics")
  func joined() throws {
    let softmax = try model { builder, z in try builder.apply(op("Softmax", ["axis": .int(0)]), [z], name: "s")[0] }
    let found = try #require(try softmax.rowDependence(on: inputs))
    #expect(found.place == "node 's' (Softmax)" && found.cause.hasSuffix("from node 's' (Softmax) on"))
    #expect(found.change > 1e-2 && (0..<6).contains(found.row))
    let centered = try model { builder, z in
      let mean = try builder.apply(op("ReduceMean", ["axes": .ints([0]), "keepdims": .int(1)]), [z], name: "mean")[0]
      return try builder.apply(op("Sub", [:]), [z, mean])[0]
    }
    #expect(try centered.rowDependence(on: inputs)?.place == "node 'mean' (ReduceMean)")
  }

  @Test("only the rows that are asked for are asked alone")
  func most() throws {
    var passes = 0
    let sound = try model { _, z in z }
    #expect(try sound.rowDependence(on: inputs, most: 2, proceed: { passes += 1 }) == nil)
    #expect(passes == 3)
  }
}
