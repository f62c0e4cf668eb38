import DitherBasics
import DitherDatasets
import DitherGraph
import DitherTensor
import Foundation

/// An array as a file holds it: `.npy`, `.pb` (ONNX TensorProto), `.csv` (a row an example), `.png` and `.jpg`
/// (channels, height, width, bytes).
struct FileArray {
  enum Values {
    case floats([Float])
    case bytes([UInt8])
    case integers([Int64])
  }
  var shape: [Int]
  var values: Values
  /// The part of a picture that a model does not see, in words; nil: all is seen.
  var loss: String?

  static let endings = PictureFile.endings.union(["npy", "pb", "csv"])

  var count: Int { shape.reduce(1, *) }

  init(shape: [Int], values: Values) {
    self.shape = shape
    self.values = values
  }

  /// - Parameters:
  ///   - channels: to which an image's colors are brought, 1 or 3.
  ///   - size: to which an image is brought, as `size` and `crop` of a data reference do; nil: it stays as it is.
  ///   - channelsLast: whether an image's axes are [height, width, channels].
  /// - Throws: when the file is absent, of a kind that is not taken, or malformed: with its path.
  init(
    path: String, channels: Int = 1, size: (width: Int, height: Int, share: Double)? = nil, channelsLast: Bool = false
  ) throws {
    let bytes = try Self.read(path)
    switch URL(filePath: path).pathExtension.lowercased() {
    case "npy": self.init(try Npy(bytes, at: path))
    case "pb": self.init(try OnnxTensor.read(bytes))
    case "csv": self.init(.float(try Csv(bytes, at: path).tensor(at: path)))
    case let ending where PictureFile.endings.contains(ending):
      var image = try PictureFile(bytes, channels: channels, at: path)
      if let size { image = image.resized(width: size.width, height: size.height, keeping: size.share) }
      if channelsLast {
        self.init(shape: [image.height, image.width, channels], values: .bytes(image.interleaved))
      } else {
        self.init(shape: [channels, image.height, image.width], values: .bytes(image.planes))
      }
      let lost = [
        image.lostColors ? "colors became gray" : nil, image.lostTransparency ? "transparency became black" : nil,
      ].compactMap { $0 }
      loss = lost.isEmpty ? nil : lost.joined(separator: ", ")
    default:
      throw CommandError(
        .badOption, at: path, expected: "a file that ends in .npy, .pb, .csv, .png or .jpg",
        got: "'\(URL(filePath: path).lastPathComponent.clipped())'")
    }
  }

  static func read(_ path: String) throws(CommandError) -> [UInt8] {
    do { return [UInt8](try Data(contentsOf: URL(filePath: path))) } catch {
      throw CommandError(
        .unreadable, at: path, expected: "a file that can be read", got: reason(path) ?? error.localizedDescription)
    }
  }

  /// In a word or two, where it is a common one.
  private static func reason(_ path: String) -> String? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return "no such file" }
    if isFolder.boolValue { return "a folder" }
    return FileManager.default.isReadableFile(atPath: path) ? nil : "no permission to read it"
  }

  init(_ file: Npy) {
    let values: Values =
      switch file.content {
      case .float32(let values): .floats(values)
      case .float64(let values): .floats(values.map(Float.init))
      case .uint8(let values): .bytes(values)
      case .int32(let values): .integers(values.map(Int64.init))
      case .int64(let values): .integers(values)
      // 0 and 1, as numpy has them: no pixels.
      case .bool(let values): .integers(values.map { $0 ? 1 : 0 })
      }
    self.init(shape: file.shape.dimensions, values: values)
  }

  init(_ literal: Literal) {
    switch literal {
    case .float(let tensor): self.init(shape: tensor.shape.dimensions, values: .floats(tensor.elements))
    case .int64(let shape, let values): self.init(shape: shape.dimensions, values: .integers(values))
    case .bool(let shape, let values): self.init(shape: shape.dimensions, values: .integers(values.map { $0 ? 1 : 0 }))
    }
  }

  var floats: [Float] {
    switch values {
    case .floats(let values): values
    case .bytes(let values): values.map(Float.init)
    case .integers(let values): values.map(Float.init)
    }
  }

  /// Numbers in the units of the data: bytes are pixels, divided by 255.
  var inUnits: [Float] {
    if case .bytes(let values) = values { Tensor.pixels(values) } else { floats }
  }

  /// [N, …] as N rows of numbers.
  var rows: Tensor {
    let rows = shape.first ?? 0
    return Tensor([rows, count / max(rows, 1)], floats)
  }

  /// Class numbers.
  func labels(at place: String) throws(CommandError) -> [Int] {
    let numbers: [Int?] =
      switch values {
      case .bytes(let values): values.map(Int.init)
      case .integers(let values): values.map { Int(exactly: $0) }
      case .floats(let values): values.map { Int(exactly: $0) }
      }
    return try numbers.enumerated().map { row, number throws(CommandError) in
      guard let number, number >= 0 else {
        throw CommandError(
          .shape, at: "\(place), row \(row)", expected: "a class number, from 0",
          got: number.map { "\($0)" } ?? "\(floats[row])", advice: "classes are counted from 0, as whole numbers")
      }
      return number
    }
  }
}
