import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Files of a few hundred bytes whose nodes ask for much: they are refused, or read and planned at once.
@Suite("Small files that ask for much")
struct HostileCostTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var opset = 17
    var features = [1, 4, 4]
    var build: @Sendable (FixedBatchTests.Steps, Value) throws -> Value
    init(
      _ description: String, _ features: [Int] = [1, 4, 4],
      _ build: @escaping @Sendable (FixedBatchTests.Steps, Value) throws -> Value
    ) {
      (testDescription, self.features, self.build) = (description, features, build)
    }
  }

  static let rows: [Row] = [
    Row("Pad to 16004 x 16004") { op, x in try op("Pad", [x] + op.integers([0, 0, 8000, 8000, 0, 0, 8000, 8000])) },
    Row("Pad by reflection, four times") { op, x in
      var y = try op("Pad", [x] + op.integers([0, 0, 2, 2, 0, 0, 3, 3]), ["mode": .string("reflect")])
      for _ in 0..<3 {
        y = try op("Pad", [y] + op.integers([0, 0, 8, 8, 0, 0, 8, 8]), ["mode": .string("reflect")])
      }
      return try op("Pad", [y] + op.integers([0, 0, 0, 30000, 0, 0, 0, 30000]), ["mode": .string("edge")])
    },
    Row("Expand to 2^28") { op, x in
      try op("Expand", [op("ReduceSum", [x]), op.integers([1, 1 << 14, 1 << 14])[0]])
    },
    Row("Expand of rows") { op, x in try op("Expand", [op.reshape(x, -1, 16, 1), op.integers([1, 16, 1 << 23])[0]]) },
    Row("Tile to 60000 x 4000") { op, x in try op("Tile", [x] + op.integers([1, 1, 15000, 1000])) },
    Row("Tile along every axis") { op, x in try op("Tile", [x] + op.integers([1, 256, 64, 64])) },
    Row("ConstantOfShape, eight of them added") { op, x in
      var y = x
      for _ in 0..<8 {
        let constant = try op("ConstantOfShape", [op.integers([1 << 22])[0]])
        y = try op("Add", [y, op("ReduceSum", [constant])])
      }
      return y
    },
    Row("ConstantOfShape, multiplied out") { op, x in
      let column = try op("ConstantOfShape", [op.integers([1 << 14, 1])[0]])
      return try op(
        "Add", [op("ReduceSum", [op("Mul", [column, op("ConstantOfShape", [op.integers([1, 1 << 14])[0]])])]), x])
    },
    Row("Range of a million, eight times") { op, x in
      var y = x
      for _ in 0..<8 {
        let range = try op("Range", [0, 1_048_575, 1].map { op.builder.constant(.int64([], [$0])) })
        y = try op("Add", [y, op("ReduceSum", [op("Cast", [range], ["to": .int(1)])])])
      }
      return y
    },
    Row("Resize to 16000 x 16000") { op, x in
      let scales = op.builder.constant(.float(Tensor([4], [1, 1, 4000, 4000])))
      return try op("Resize", [x, nil, scales], ["mode": .string("linear")])
    },
    Row("Resize to 65536 and back, eight times") { op, x in
      var y = x
      for _ in 0..<4 {
        for scale: Float in [16384, 1.0 / 16384] {
          let scales = op.builder.constant(.float(Tensor([4], [1, 1, 1, scale])))
          y = try op("Resize", [y, nil, scales], ["mode": .string("linear")])
        }
      }
      return y
    },
    Row("LRN of 16384 channels") { op, x in
      let many = try op("Expand", [op.reshape(x, -1, 1, 16), op.integers([1, 16384, 16])[0]])
      return try op("LRN", [many], ["size": .int(255)])
    },
    Row("MatMul of 16384 squared") { op, x in
      let square = try op("Expand", [op.builder.constant(.float(Tensor([1, 1], [1]))), op.integers([8192, 8192])[0]])
      return try op("Add", [x, op("ReduceSum", [op("MatMul", [square, square])])])
    },
    Row("Conv of a large image with many channels") { op, x in
      let image = try op("Expand", [op.reshape(x, -1, 1, 1, 1), op.integers([1, 64, 1024, 1024])[0]])
      let weights = try op("ConstantOfShape", [op.integers([64, 64, 31, 31])[0]])
      return try op("Conv", [image, weights])
    },
    Row("MaxPool of a window of 4000", [1, 4000, 4000]) { op, x in
      try op("MaxPool", [x], ["kernel_shape": .ints([2001, 2001])])
    },
    Row("Gather of a large table") { op, x in
      let table = try op("ConstantOfShape", [op.integers([1 << 22])[0]])
      let places = try op("ConstantOfShape", [op.integers([1 << 22])[0]], ["value": .tensor(.int64([1], [3]))])
      return try op("Add", [x, op("ReduceSum", [op("Gather", [table, places])])])
    },
    Row("Transpose of eight axes") { op, x in
      let many = try op("Expand", [op.reshape(x, -1, 1, 1, 1, 1, 1, 16), op.integers([1, 12, 12, 12, 12, 12, 16])[0]])
      return try op("Transpose", [many], ["perm": .ints([0, 6, 5, 4, 3, 2, 1])])
    },
  ]

  /// The op by the builder that knows no bounds of files; nil: it refuses itself.
  private static func file(_ row: Row) throws -> [UInt8]? {
    let builder = GraphBuilder(rows: 1), x = builder.input("x", row.features)
    guard let y = try? row.build(FixedBatchTests.Steps(builder: builder), x) else { return nil }
    return try builder.finish(outputs: [("y", y)]).onnx()
  }

  @Test("is refused, or read and planned at once", arguments: rows)
  func cheap(_ row: Row) throws {
    guard let bytes = try Self.file(row) else { return }
    #expect(bytes.count < 4096)
    let start = Self.processorSeconds()
    do {
      let graph = try Graph(onnx: bytes)
      let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1))
      #expect(plan.arenaBytes <= 256 << 20)
    } catch {
      #expect(error.code == .tooLarge, "\(error)")
    }
    #expect(Self.processorSeconds() - start < 20)
  }

  /// The work that this thread has done so far: other tests and a busy machine do not count.
  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  @Test(
    "many nodes that make constants of nothing are refused before they fill the memory",
    arguments: ["Range", "ConstantOfShape"])
  func many(_ type: String) throws {
    let error = #expect(throws: GraphError.self) {
      let builder = GraphBuilder(rows: 1), x = builder.input("x", [4]), op = FixedBatchTests.Steps(builder: builder)
      var y = x
      let operands =
        type == "Range" ? [0, 131_072, 1].map { builder.constant(.int64([], [$0])) } : op.integers([1 << 22])
      for _ in 0..<300 {
        let made = try op(type, operands)
        y = try op("Add", [y, op("Cast", [op("Size", [made])], ["to": .int(1)])])
      }
      _ = try Graph(onnx: builder.finish(outputs: [("y", y)]).onnx())
    }
    #expect(error?.code == .tooLarge)
  }

  @Test("constants are bounded by what they take in memory, made ones by the file's size too")
  func constants() throws {
    func file(_ make: (FixedBatchTests.Steps) throws -> Value) throws -> [UInt8] {
      let builder = GraphBuilder(rows: 1), x = builder.input("x", [1]), op = FixedBatchTests.Steps(builder: builder)
      let sum = try op("Add", [x, op("ReduceMean", [make(op)])])
      return try builder.finish(outputs: [("y", sum)]).onnx()
    }
    let held = try file { op in op.weights([300]) }
    let made = try file { op in try op("ConstantOfShape", op.integers([1 << 18])) }
    func code(_ bytes: [UInt8], _ change: (inout OnnxLimits) -> Void) -> GraphFault? {
      var limits = OnnxLimits()
      change(&limits)
      do {
        _ = try Graph(onnx: bytes, limits: limits)
        return nil
      } catch { return error.code }
    }
    let small = code(held) { $0.constantBytes = 1199 }, enough = code(held) { $0.constantBytes = 1300 }
    #expect(small == .tooLarge && enough == nil)
    let none = code(made) { ($0.freeMadeBytes, $0.madeBytesForByte) = (1000, 4) }
    let paid = code(made) { ($0.freeMadeBytes, $0.madeBytesForByte) = (1000, 1 << 16) }
    let free = code(made) { ($0.freeMadeBytes, $0.madeBytesForByte) = (1 << 20, 0) }
    #expect(none == .tooLarge && paid == nil && free == nil)
  }
}
