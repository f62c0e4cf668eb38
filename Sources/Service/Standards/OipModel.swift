import DitherBasics
import DitherGraph
import DitherInference
import DitherProto
import DitherStore

/// A model as the Open Inference Protocol describes it: tensors by name.
struct OipModel: Sendable {
  struct TensorType: Sendable {
    var name: String
    var datatype: OipDatatype
    /// Without the batch.
    var shape: [Int]
  }

  static let platform = "onnx"

  let version: ModelVersion
  let record: SignatureRecord

  /// A name and a version as this server's own references have them. A version that is no number is an alias.
  static func reference(_ name: String, version: String) -> String {
    if version.isEmpty { return name }
    return version.allSatisfy(\.isNumber) ? "\(name)@\(version)" : "\(name):\(version)"
  }

  /// - Throws: for a repository's name other than none: there is one.
  static func checkRepository(_ name: String) throws(ServiceError) {
    guard name.isEmpty else {
      throw ServiceError(
        .badField, at: "repository_name", expected: "none: there is one repository", got: "'\(name.clipped())'")
    }
  }

  init(_ name: String, version: String, in registry: ModelRegistry, for scope: NameScope) throws {
    self.version = try registry.resolve(Self.reference(name, version: version), for: scope)
    guard let record = SignatureRecord(json: self.version.model.signature) else {
      throw StoreError(
        .corrupt, at: "signature of \(self.version.reference)", expected: "what was stored", got: "something else")
    }
    self.record = record
  }

  /// All that it takes.
  var inputs: [TensorType] {
    record.allInputs.map { input in
      TensorType(name: input.name, datatype: OipDatatype(input.element), shape: input.shape)
    }
  }

  private var width: Int { record.width ?? record.classes }

  /// All that may be asked for. An answer has fewer: what draws cannot tell is absent.
  var outputs: [TensorType] {
    let isClassifier = record.classes > 0
    var all = [record.outputName, OipOutputName.mean].map { TensorType(name: $0, datatype: .fp32, shape: [width]) }
    if isClassifier {
      all.append(TensorType(name: OipOutputName.label, datatype: .int64, shape: []))
      all.append(TensorType(name: OipOutputName.predictionSet, datatype: .bool, shape: [width]))
    }
    if !record.labelNames.isEmpty {
      all.append(TensorType(name: OipOutputName.labelName, datatype: .bytes, shape: []))
    }
    for measure in Catalog<any Measure.Type>.measures.entries where measure.applies(toRegression: !isClassifier) {
      all.append(TensorType(name: measure.name, datatype: .fp32, shape: measure.isByClass ? [width] : []))
    }
    if !isClassifier {
      all += ConformalIntervals.names.map { TensorType(name: $0, datatype: .fp32, shape: [width]) }
    }
    var seen: Set<String> = []
    return all.filter { seen.insert($0.name).inserted }
  }
}

/// Outputs of the protocol that are not measures.
enum OipOutputName {
  /// The same as the model's own output.
  static let mean = "mean"
  static let label = "label"
  static let labelName = "label_name"
  static let predictionSet = "prediction_set"
  static let quantiles = "quantiles"
  static let all = [mean, label, labelName, predictionSet, quantiles]
}

/// Element types, as the protocol writes them.
enum OipDatatype: String, Sendable, CaseIterable {
  case bool = "BOOL"
  case uint8 = "UINT8"
  case uint16 = "UINT16"
  case uint32 = "UINT32"
  case uint64 = "UINT64"
  case int8 = "INT8"
  case int16 = "INT16"
  case int32 = "INT32"
  case int64 = "INT64"
  case fp16 = "FP16"
  case fp32 = "FP32"
  case fp64 = "FP64"
  case bytes = "BYTES"
  case bf16 = "BF16"

  /// The type that says what a model takes.
  init(_ element: ElementType) {
    self =
      switch element {
      case .float32: .fp32
      case .int64: .int64
      case .bool: .bool
      }
  }

  /// As Triton's configurations number it.
  var number: Inference_DataType {
    switch self {
    case .bool: .typeBool
    case .uint8: .typeUint8
    case .uint16: .typeUint16
    case .uint32: .typeUint32
    case .uint64: .typeUint64
    case .int8: .typeInt8
    case .int16: .typeInt16
    case .int32: .typeInt32
    case .int64: .typeInt64
    case .fp16: .typeFp16
    case .fp32: .typeFp32
    case .fp64: .typeFp64
    case .bytes: .typeString
    case .bf16: .typeBf16
    }
  }
}
