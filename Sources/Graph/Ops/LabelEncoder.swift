import DitherBasics
import DitherTensor

/// Each element looked up in a table: numbers for numbers. Values that are texts are put out as their positions, and
/// name the classes where the keys are 0, 1, …; what no key is, is the default, of texts −1. No gradient passes.
/// - Source: ONNX-ML `LabelEncoder`, opsets 2–4, of numbers.
struct LabelEncoder: OnnxOp {
  static let onnx = OnnxName("LabelEncoder", since: 2, domain: OnnxName.learning)
  private enum Numbers {
    case integers([Int64])
    case floats([Float])
    var count: Int {
      switch self {
      case .integers(let all): all.count
      case .floats(let all): all.count
      }
    }
    var element: ElementType {
      switch self {
      case .integers: .int64
      case .floats: .float32
      }
    }
  }
  private let keys: Numbers
  private let values: Numbers
  private let texts: [String]?
  /// The one of the values' kind counts.
  private let fallback: (integer: Int64, float: Float)
  /// The places of the values, by key: a float's is its bits, −0 being 0 and NaN one key.
  private let places: [Int64: Int]

  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "default_float", "default_int64", "default_string", "default_tensor", "keys_floats", "keys_int64s",
      "keys_strings", "keys_tensor", "values_floats", "values_int64s", "values_strings", "values_tensor")
    guard let keys = try Self.numbers(node, "keys"), node["keys_strings"] == nil else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'keys_…'", expected: "one list of int64s or floats",
        got: node["keys_strings"] == nil ? "none, or several" : "texts",
        advice: "encode texts as numbers before the model")
    }
    if case .strings(let found)? = node["values_strings"] { texts = found } else { texts = nil }
    let numbers = try Self.numbers(node, "values")
    guard let values = texts.map({ Numbers.integers($0.indices.map(Int64.init)) }) ?? numbers,
      (texts == nil) != (numbers == nil), values.count == keys.count, keys.count > 0
    else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'values_…'", expected: "one list of \(keys.count) values",
        got: "\(numbers?.count ?? texts?.count ?? 0)")
    }
    var integer = Int64(texts == nil ? try node.int("default_int64", default: -1) : -1)
    var float = try node.float("default_float", default: -0.0)
    switch node["default_tensor"] {
    case .tensor(.int64(_, let found))? where found.count == 1: integer = found[0]
    case .tensor(.float(let found))? where found.count == 1: float = found.elements[0]
    default: break
    }
    self.keys = keys
    self.values = values
    fallback = (integer, float)
    switch keys {
    case .integers(let all): places = Dictionary(all.enumerated().map { ($1, $0) }) { $1 }
    case .floats(let all): places = Dictionary(all.enumerated().map { (Self.key($1), $0) }) { $1 }
    }
  }

  /// - Returns: nil where there is none, or more than one list.
  private static func numbers(_ node: OnnxNode, _ name: String) throws(GraphError) -> Numbers? {
    var found: [Numbers] = []
    if let all = try node.ints("\(name)_int64s") { found.append(.integers(all.map(Int64.init))) }
    // Keys may be NaN, values are numbers.
    if name == "values", let all = try node.floats("values_floats") { found.append(.floats(all)) }
    if name == "keys", case .floats(let all)? = node["keys_floats"] { found.append(.floats(all)) }
    switch node["\(name)_tensor"] {
    case .tensor(.int64(_, let all))?: found.append(.integers(all))
    case .tensor(.float(let all))? where name == "keys" || all.elements.allSatisfy(\.isFinite):
      found.append(.floats(all.elements))
    default: break
    }
    return found.count == 1 ? found[0] : nil
  }

  private static func key(_ x: Float) -> Int64 { x.isNaN ? .min : Int64((x + 0).bitPattern) }

  func write(to node: inout OnnxNode) {
    switch keys {
    case .integers(let all): node["keys_int64s"] = .ints(all)
    case .floats(let all): node["keys_floats"] = .floats(all)
    }
    if let texts {
      node["values_strings"] = .strings(texts)
      return
    }
    switch values {
    case .integers(let all):
      node["values_int64s"] = .ints(all)
      node["default_int64"] = .int(fallback.integer)
    case .floats(let all):
      node["values_floats"] = .floats(all)
      node["default_float"] = .float(fallback.float)
    }
  }
  var classLabels: [String]? {
    guard let texts, case .integers(let all) = keys, all == texts.indices.map(Int64.init) else { return nil }
    return texts
  }
  func trainable(_ input: Int) -> Bool { false }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.required(0, "X")
    guard x.element == keys.element else {
      throw GraphError(.unsupportedType, at: "input 'X'", expected: "\(keys.element), as the keys are", got: "\(x)")
    }
    return [TensorType(x.shape, values.element)]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = y.shape.count, table = self
    plan.step([x, y]) { memory in
      let from = memory.raw(x), to = memory.raw(y)
      func place(_ at: Int) -> Int? {
        switch table.keys {
        case .integers: table.places[from.assumingMemoryBound(to: Int64.self)[at]]
        case .floats: table.places[Self.key(from.assumingMemoryBound(to: Float.self)[at])]
        }
      }
      return {
        switch table.values {
        case .integers(let all):
          let to = to.assumingMemoryBound(to: Int64.self)
          for at in 0..<count { to[at] = place(at).map { all[$0] } ?? table.fallback.integer }
        case .floats(let all):
          let to = to.assumingMemoryBound(to: Float.self)
          for at in 0..<count { to[at] = place(at).map { all[$0] } ?? table.fallback.float }
        }
      }
    }
  }
}
