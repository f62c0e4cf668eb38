import DitherBasics
import DitherGraph
import DitherTensor
import Testing

/// Element types that are narrower than those in memory: casts to them, and constants of them in files.
@Suite("Narrow types")
struct NarrowTypeTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var from: Literal
    /// ONNX's number of the type.
    var to: Int64
    var saturates = true
    var expected: Literal
    var testDescription: String { name }
  }
  private static func floats(_ values: Float...) -> Literal { .float(Tensor([1, values.count], values)) }
  private static func integers(_ values: Int64...) -> Literal { .int64([1, values.count], values) }

  /// Where a type does not have the number, those of ONNX's table of casts.
  static let rows = [
    Row(
      name: "int64 to int8", from: integers(127, 128, 200, -129, 511), to: 3,
      expected: integers(127, -128, -56, 127, -1)),
    Row(name: "int64 to uint8", from: integers(255, 256, -1, -257), to: 2, expected: integers(255, 0, 255, 255)),
    Row(
      name: "int64 to uint16", from: integers(65_535, 65_536, -1, .min), to: 4, expected: integers(65_535, 0, 65_535, 0)
    ),
    Row(name: "int64 to int4", from: integers(7, 8, -9, 23), to: 22, expected: integers(7, -8, 7, 7)),
    Row(name: "int64 to uint4", from: integers(15, 16, -1), to: 21, expected: integers(15, 0, 15)),
    Row(
      name: "float to uint8", from: floats(1.9, -0.5, 255.7, 300, -7, .nan), to: 2,
      expected: integers(1, 0, 255, 255, 0, 0)),
    Row(
      name: "float to int4", from: floats(-9, -8, -1.5, 7, 8, .infinity), to: 22,
      expected: integers(-8, -8, -1, 7, 7, 7)),
    Row(name: "int64 to int32 is held", from: integers(1 << 40), to: 6, expected: integers(1 << 40)),
    Row(name: "float to bfloat16 is held", from: floats(1.001, -3e38), to: 16, expected: floats(1.001, -3e38)),
    Row(
      name: "float8e4m3fn", from: floats(0.4789, 0.4997, 17, 448, 1e6, -.infinity, 1e-7), to: 17,
      expected: floats(0.46875, 0.5, 16, 448, 448, -448, 0)),
    Row(
      name: "float8e4m3fn, unsaturated", from: floats(464, 465, -1e6), to: 17, saturates: false,
      expected: floats(448, .nan, .nan)),
    Row(
      name: "float8e4m3fnuz", from: floats(0.4789, 17, 250, -1e6, -1e-7), to: 18,
      expected: floats(0.46875, 16, 240, -240, 0)),
    Row(
      name: "float8e5m2", from: floats(0.4789, 17, 70_000, -.infinity), to: 19,
      expected: floats(0.5, 16, 57_344, -57_344)),
    Row(
      name: "float8e5m2, unsaturated", from: floats(17, 70_000, -1e6), to: 19, saturates: false,
      expected: floats(16, .infinity, -.infinity)),
    Row(
      name: "float8e5m2fnuz, unsaturated", from: floats(17, 57_344, 1e6), to: 20, saturates: false,
      expected: floats(16, 57_344, .nan)),
    Row(name: "int64 to float8e4m3fn", from: integers(9, 17, 449), to: 17, expected: floats(9, 16, 448)),
    Row(
      name: "truth to uint8", from: .bool([1, 2], [true, false]), to: 2, expected: integers(1, 0)),
  ]

  private static func cast(_ row: Row) throws -> any OnnxOp {
    let attributes: [String: OnnxAttribute] =
      row.saturates ? ["to": .int(row.to)] : ["to": .int(row.to), "saturate": .int(0)]
    return try Catalog<any OnnxOp.Type>.ops.entry(named: "Cast").init(
      OnnxNode(name: "cast", type: "Cast", opset: 21, attributes: attributes, presentInputs: [true]))
  }

  /// NaN is as good as NaN.
  private static func alike(_ a: Literal, _ b: Literal) -> Bool {
    guard case .float(let x) = a, case .float(let y) = b else { return a == b }
    return x.shape == y.shape && zip(x.elements, y.elements).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
  }

  @Test("casts at run time, in files, and of what is known before", arguments: rows)
  func casts(_ row: Row) throws {
    let type = row.from.type, builder = GraphBuilder(rows: 1)
    let x = builder.input("x", Array(type.shape.dimensions.dropFirst()), element: type.element)
    let y = try builder.apply(Self.cast(row), [x])[0]
    // In a graph of its own: no file has NaN among its constants.
    let other = GraphBuilder(rows: 1), known = try other.apply(Self.cast(row), [other.constant(row.from)])[0].type
    switch row.expected {
    case .float(let tensor):
      let found: [Float] = known.knownFloats ?? []
      #expect(Self.alike(.float(Tensor(tensor.shape, found)), row.expected))
    case .int64(_, let values): #expect(known.known == values)
    case .bool: Issue.record("no row expects truth values")
    }
    let graph = builder.finish(outputs: [("y", y)])
    let written = try graph.onnx(), read = try Graph(onnx: written), again = try read.onnx()
    #expect(again == written)
    let plan = try Plan(read, parameters: ParameterBuffers(read), options: .init(rows: 1))
    plan.write(row.from, to: 0)
    plan.forward()
    let found = plan.literal(0)
    #expect(Self.alike(found, row.expected), "\(found)")
  }

  @Test("a rounding to 8 bits has no slope")
  func slope() throws {
    let builder = GraphBuilder(), x = builder.input("x", [2])
    let y = try builder.apply(Self.cast(Self.rows[9]), [x])[0]
    let graph = builder.finish(outputs: [("y", y)])
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, inputGradient: true))
    plan.forward()
    plan.cotangent.update(repeating: 1)
    plan.backward()
    #expect(plan.inputGradients[0].allSatisfy { $0 == 0 })
  }

  struct Constant: Sendable, CustomTestStringConvertible {
    var name: String
    var type: Int
    var raw: [UInt8]
    /// The same in the list of 32-bit integers; of no elements: not tried.
    var listed: [Int] = []
    var expected: Literal
    var testDescription: String { name }
  }
  static let constants = [
    Constant(
      name: "int4", type: 22, raw: [0x87, 0x0F], listed: [0x87, 0x0F], expected: .int64([3], [7, -8, -1])),
    Constant(name: "uint4", type: 21, raw: [0x87, 0x0F], listed: [0x87, 0x0F], expected: .int64([3], [7, 8, 15])),
    Constant(
      name: "bfloat16", type: 16, raw: [0x80, 0x3F, 0x00, 0xC0, 0x80, 0x7F], listed: [0x3F80, 0xC000, 0x7F80],
      expected: .float(Tensor([3], [1, -2, .infinity]))),
    Constant(
      name: "float8e4m3fn", type: 17, raw: [0x38, 0xB0, 0x7E], listed: [0x38, 0xB0, 0x7E],
      expected: .float(Tensor([3], [1, -0.5, 448]))),
    Constant(
      name: "float8e5m2fnuz", type: 20, raw: [0x40, 0x01, 0xFF],
      expected: .float(Tensor([3], [1, 0x1p-17, -57_344]))),
    Constant(
      name: "uint32", type: 12, raw: [1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0],
      expected: .int64([3], [1, 4_294_967_295, 0])),
    Constant(
      name: "uint64", type: 13, raw: [7] + [UInt8](repeating: 0, count: 23), expected: .int64([3], [7, 0, 0])),
  ]

  private static func file(_ constant: Constant, listed: Bool = false) -> [UInt8] {
    var tensor = OnnxMessage()
    tensor.put(1, 3)
    tensor.put(2, constant.type)
    if listed { for number in constant.listed { tensor.put(5, number) } } else { tensor.put(9, constant.raw) }
    return tensor.bytes
  }

  @Test("constants as files hold them", arguments: constants)
  func reads(_ constant: Constant) throws {
    let raw = try OnnxTensor.read(Self.file(constant))
    #expect(raw == constant.expected)
    if !constant.listed.isEmpty {
      let listed = try OnnxTensor.read(Self.file(constant, listed: true))
      #expect(listed == constant.expected)
    }
    var short = constant
    short.raw.removeLast()
    let error = #expect(throws: GraphError.self) { try OnnxTensor.read(Self.file(short)) }
    #expect(error?.code == .malformed)
  }

  @Test("integers of 64 bits without a sign that have no place are refused")
  func large() {
    let huge = Constant(name: "", type: 13, raw: [UInt8](repeating: 0xFF, count: 24), expected: .int64([0], []))
    let error = #expect(throws: GraphError.self) { try OnnxTensor.read(Self.file(huge)) }
    #expect(error?.description.contains("2^63") == true)
  }
}
