import DitherBasics
import DitherDatasets
import DitherProto
import DitherTensor
import Foundation

/// Examples on their way to a model, each in the model's shape, and what to call them.
struct ExampleBatch {
  /// Shape of one example.
  var shape: [Int]
  var values: FileArray.Values
  var names: [String]

  var count: Int { names.count }

  /// A file's examples in the shape of the model's input.
  /// - Parameters:
  ///   - shape: of one example; an image is read with as many channels as it says.
  ///   - resizes: whether images of another size are brought to it.
  init(path: String, shape: [Int], resizes: Bool = false) throws {
    let size = shape.reduce(1, *), isImage = shape.count == 3
    var array = try FileArray(
      path: path, channels: isImage && shape[0] == 3 ? 3 : 1,
      size: resizes && isImage ? (width: shape[2], height: shape[1]) : nil)
    // A model that takes flat examples does not say how many channels they have.
    let isPicture = PictureFile.endings.contains(URL(filePath: path).pathExtension.lowercased())
    if shape.count == 1, isPicture, array.count * 3 == size {
      array = try FileArray(path: path, channels: 3)
    }
    guard size > 0, array.count > 0, array.count % size == 0, Self.fits(array.shape, shape) else {
      throw CommandError(
        .shape, at: path, expected: "one example of shape \(shape), or a batch of them", got: "shape \(array.shape)",
        advice: isPicture ? isImage ? "say --resize, or resize the image" : "resize the image" : nil)
    }
    self.shape = shape
    // Whole numbers are numbers; bytes are pixels.
    if case .integers = array.values { array.values = .floats(array.floats) }
    self.values = array.values
    let count = array.count / size
    names = count == 1 ? [path] : (0..<count).map { "\(path)[\($0)]" }
  }

  /// Texts as rows of words' numbers.
  init(_ texts: [String], by vocabulary: Vocabulary, shape: [Int]) throws(CommandError) {
    guard [vocabulary.length] == shape else {
      throw CommandError(
        .shape, at: "--words", expected: "words for inputs of shape \(shape)", got: "\(vocabulary.length) a text")
    }
    self.shape = shape
    values = .floats(texts.flatMap { vocabulary.row($0) })
    names = texts.map { $0.clipped(to: 40) }
  }

  /// Pixels travel as bytes, so that the model's own normalization is applied to them.
  init(_ dataset: Dataset, shape: [Int]) throws(CommandError) {
    guard dataset.inputs.shape.row.isReadable(as: Shape(shape)) else {
      throw CommandError(
        .shape, at: "--data \(dataset.name)", expected: "examples of shape \(shape)",
        got: "shape \(dataset.inputs.shape.dimensions.dropFirst())")
    }
    let elements = dataset.inputs.elements
    self.shape = shape
    values = dataset.pixels.map { .bytes($0) } ?? .floats(elements)
    names = (0..<dataset.count).map { row in
      let target =
        switch dataset.targets[row] {
        case .label(let label): dataset.targetNames[label]
        case .shares(let values), .values(let values): values.map { Double($0).digits(3) }.joined(separator: ", ")
        }
      return "\(dataset.name)[\(row)] (\(target))"
    }
  }

  /// Whether an array is one example, a batch, or the same flattened.
  private static func fits(_ got: [Int], _ shape: [Int]) -> Bool {
    Shape(got).isReadable(as: Shape(shape)) || Shape(got).row.isReadable(as: Shape(shape))
  }

  /// At most `limit` bytes of examples each, so that every request fits into a frame.
  func messages(limit: Int = 2 << 20) -> [Dither_V1_Array] {
    let size = shape.reduce(1, *)
    let step = max(1, limit / (size * 4))
    return stride(from: 0, to: count, by: step).map { first in
      message(examples: first..<min(first + step, count), size: size)
    }
  }

  private func message(examples: Range<Int>, size: Int) -> Dither_V1_Array {
    var message = Dither_V1_Array()
    message.shape = ([examples.count] + shape).map(Int64.init)
    let range = examples.lowerBound * size..<examples.upperBound * size
    switch values {
    case .floats(let values):
      message.type = .float32
      message.data = Self.bytes(values[range])
    case .bytes(let values):
      message.type = .uint8
      message.data = Data(values[range])
    case .integers(let values):
      message.type = .int64
      message.data = Self.bytes(values[range])
    }
    return message
  }

  /// Little-endian, as every machine is that Swift runs on.
  private static func bytes<T: BitwiseCopyable>(_ values: ArraySlice<T>) -> Data {
    values.withUnsafeBytes { Data($0) }
  }
}
