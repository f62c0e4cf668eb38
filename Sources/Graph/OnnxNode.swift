import DitherBasics
import DitherTensor

/// An op's name, its domain, and the first opset of that domain whose meaning we read.
public struct OnnxName: Sendable, Hashable {
  /// As in `Conv`.
  public let type: String
  /// An opset of its domain.
  public let since: Int
  /// Empty: ONNX's own.
  public let domain: String
  /// The domain of the ops for classical machine learning.
  public static let learning = "ai.onnx.ml"
  /// An op of ONNX's default domain, or of another.
  public init(_ type: String, since: Int, domain: String = "") {
    self.type = type
    self.since = since
    self.domain = domain
  }
}

/// The value of a node's attribute.
public enum OnnxAttribute: Sendable, Equatable {
  case int(Int64)
  case float(Float)
  case string(String)
  case ints([Int64])
  case floats([Float])
  case strings([String])
  case tensor(Literal)
}

/// A node of an ONNX graph in plain Swift: what an op is read from and written to.
public struct OnnxNode: Sendable {
  /// The node's name; made of its op and place where the file gives none.
  public var name: String
  /// The op's name.
  public var type: String
  /// The opset of the default domain that the model declares.
  public var opset: Int
  /// By their names.
  public var attributes: [String: OnnxAttribute]
  /// Which inputs the node names; an ONNX node leaves out optional inputs by empty names or by ending early.
  public var presentInputs: [Bool]
  /// The types in the file of those inputs that are constants of integers shorter than 64 bits, by position.
  public var storedInputs: [Int: StoredNumber] = [:]
  /// How many outputs the node names.
  public var outputCount: Int
  /// On writing: inputs that an attribute of ours became, by position.
  public var constantInputs: [Int: Literal] = [:]
  /// On writing: where our inputs stand in the file, if not where they are.
  public var movedInputs: [Int: Int]?
  /// On writing: the domain of `type`.
  public var domain = ""

  /// A node of the default domain.
  public init(
    name: String, type: String, opset: Int, attributes: [String: OnnxAttribute] = [:], presentInputs: [Bool] = [],
    outputCount: Int = 1
  ) {
    self.name = name
    self.type = type
    self.opset = opset
    self.attributes = attributes
    self.presentInputs = presentInputs
    self.outputCount = outputCount
  }

  /// An attribute by its name; nil: the standard's default.
  public subscript(_ attribute: String) -> OnnxAttribute? {
    get { attributes[attribute] }
    set { attributes[attribute] = newValue }
  }

  /// Where errors say they arose.
  public var place: String { "node '\(name.clipped())' (\(type))" }

  /// An integer, or nil where there is none.
  /// - Throws: when it is of another kind; so do all below.
  public func int(_ key: String) throws(GraphError) -> Int? {
    switch attributes[key] {
    case nil: return nil
    case .int(let value): return Int(value)
    case .some(let other): throw wrongKind(key, "an integer", other)
    }
  }
  /// An integer.
  public func int(_ key: String, default value: Int) throws(GraphError) -> Int { try int(key) ?? value }
  /// An integer as a truth value: whether it is not 0.
  public func flag(_ key: String, default value: Bool) throws(GraphError) -> Bool {
    try int(key).map { $0 != 0 } ?? value
  }
  /// A number, which must be finite.
  public func float(_ key: String, default value: Float) throws(GraphError) -> Float {
    switch attributes[key] {
    case nil: return value
    case .float(let found):
      guard found.isFinite else {
        throw GraphError(.notFinite, at: "\(place), attribute '\(key)'", expected: "a finite number", got: "\(found)")
      }
      return found
    case .some(let other): throw wrongKind(key, "a number", other)
    }
  }
  /// A text.
  public func string(_ key: String, default value: String) throws(GraphError) -> String {
    switch attributes[key] {
    case nil: return value
    case .string(let found): return found
    case .some(let other): throw wrongKind(key, "a string", other)
    }
  }
  /// A list of integers, or nil where there is none.
  public func ints(_ key: String) throws(GraphError) -> [Int]? {
    switch attributes[key] {
    case nil: return nil
    case .ints(let values): return values.map(Int.init)
    case .some(let other): throw wrongKind(key, "a list of integers", other)
    }
  }

  /// - Throws: when the node has an attribute that is not among these: it may change the node's meaning.
  public func allow(_ keys: String...) throws(GraphError) { try allow(keys) }
  /// - Throws: when the node has an attribute that is not among these.
  public func allow(_ keys: [String]) throws(GraphError) {
    for key in attributes.keys.sorted() where !keys.contains(key) {
      throw GraphError(
        .attribute, at: place,
        expected: keys.isEmpty ? "no attribute" : "attributes among \(keys.joined(separator: ", "))",
        got: "'\(key.clipped())'")
    }
  }

  /// - Throws: when one of them is not finite.
  public func floats(_ key: String) throws(GraphError) -> [Float]? {
    switch attributes[key] {
    case nil: return nil
    case .floats(let values):
      guard values.allSatisfy(\.isFinite) else {
        throw GraphError(.notFinite, at: "\(place), attribute '\(key)'", expected: "finite numbers", got: "others")
      }
      return values
    case .some(let other): throw wrongKind(key, "a list of numbers", other)
    }
  }

  private func wrongKind(_ key: String, _ expected: String, _ got: OnnxAttribute) -> GraphError {
    GraphError(.attribute, at: "\(place), attribute '\(key)'", expected: expected, got: "\(got)".clipped())
  }
}
