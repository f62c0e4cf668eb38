import DitherBasics
import DitherDatasets
import DitherGraph
import DitherProto
import DitherTensor
import Foundation

/// Labelled examples for an audit, from files or from a data set on this machine.
struct AuditExamples {
  var array: FileArray
  var labels: [Int]

  /// Whether `--data` names a file rather than a data set.
  static func isFile(_ data: String) -> Bool {
    ["npy", "pb", "csv", "png"].contains(URL(filePath: data).pathExtension.lowercased())
  }

  init(_ data: String, labels: String?) throws {
    if let labels {
      array = try FileArray(path: data)
      self.labels = try FileArray(path: labels).labels(at: labels)
    } else {
      let dataset = try Dataset.load(data)
      array = FileArray(.float(dataset.inputs))
      self.labels = dataset.labels
    }
    guard array.shape.first == self.labels.count else {
      throw CommandError(
        .shape, at: labels ?? data, expected: "one label for each of \(array.shape.first ?? 0) examples",
        got: "\(self.labels.count)")
    }
  }

  /// [N, …]; bytes are brought to [0, 1].
  var tensor: Tensor {
    let shape = Shape(array.shape)
    return if case .bytes(let values) = array.values {
      Tensor(shape, values.map { Float($0) / 255 })
    } else {
      Tensor(shape, array.floats)
    }
  }

  var message: Dither_V1_Examples {
    var message = Dither_V1_Examples()
    message.inputs.shape = array.shape.map(Int64.init)
    if case .bytes(let values) = array.values {
      message.inputs.type = .uint8
      message.inputs.data = Data(values)
    } else {
      message.inputs.type = .float32
      message.inputs.data = array.floats.withUnsafeBytes { Data($0) }
    }
    message.labels = labels.map(UInt32.init)
    return message
  }
}
