import DitherBasics
import DitherGraph
import DitherTensor

/// A small classifier of pictures as exporters write those of any size: a convolution, the mean over all places, a dense
/// layer. Height and width are free in its file.
public enum AnySizeNet {
  /// Numbers of a place in its pictures, and of its answers.
  public static let channels = 2, classes = 3

  /// Its file; `height` and `width` are the names of the free axes.
  public static func onnx() throws -> [UInt8] { try free(graph(height: 8, width: 8)).onnx() }

  /// The same weights for pictures of one size.
  /// - Parameter pools: false: a dense layer of all places in the place of their mean, which one size alone fits.
  public static func graph(height: Int, width: Int, pools: Bool = true) throws -> Graph {
    let builder = GraphBuilder(name: "any size")
    func op(_ type: String, _ inputs: [Value], _ attributes: [String: OnnxAttribute] = [:]) throws -> Value {
      let node = OnnxNode(name: type, type: type, opset: 17, attributes: attributes)
      return try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), inputs, name: type)[0]
    }
    func weights(_ name: String, _ shape: Shape, _ seed: UInt64) -> Value {
      builder.parameter(name, .random(shape, seed: seed))
    }
    let x = builder.input("image", [channels, height, width])
    let padded: [String: OnnxAttribute] = ["pads": .ints([1, 1, 1, 1])]
    let maps = try op("Relu", [op("Conv", [x, weights("w", [4, channels, 3, 3], 1), weights("b", [4], 2)], padded)])
    let flat = try op("Flatten", [pools ? op("GlobalAveragePool", [maps]) : maps])
    let features = flat.shape.dimensions[1]
    let logits = try builder.dense(flat, weights("v", [classes, features], 3), weights("c", [classes], 4), name: "fc")
    return builder.finish(outputs: [("logits", logits)])
  }

  /// A graph of pictures whose height and width are free.
  public static func free(_ graph: Graph) -> Graph {
    var free = graph
    free.inputs[0].free = [2: "height", 3: "width"]
    return free
  }

  /// Pictures in [0, 1].
  public static func pictures(_ count: Int, height: Int, width: Int) -> Tensor {
    .random([count, channels, height, width], seed: UInt64(height * 100 + width), from: 0, to: 1)
  }

  /// The answers of a graph that was made for this size, which no free axis has a part in.
  public static func logits(_ pictures: Tensor) throws -> [Float] {
    let graph = try graph(height: pictures.shape[2], width: pictures.shape[3])
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: pictures.rowCount))
    _ = plan.input().update(fromContentsOf: pictures.elements)
    plan.forward()
    return Array(plan.output().prefix(pictures.rowCount * classes))
  }
}
