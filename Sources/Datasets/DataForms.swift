import DitherBasics
import DitherTensor
import Foundation

/// A way in which examples of one's own lie on a disk. Its properties are the options of a reference.
public protocol DataForm: Codable, Sendable, Ranged {
  /// Its name, as `?form=` takes it.
  static var name: String { get }
  /// How a path of this form is written, and what lies there.
  static var summary: String { get }
  /// Whether a path is of this form, where the reference does not say.
  static func takes(_ files: OwnFiles) -> Bool
  /// The defaults, over which a reference's options are laid.
  init()
  /// - Parameter files: all that is read, is read by it.
  /// - Throws: what is wrong, with the file, the row and the column.
  func load(_ split: Split, from files: inout OwnFiles) throws -> Dataset
}

extension Catalog where Entry == any DataForm.Type {
  /// Every form; the first that takes a path reads it.
  public static let dataForms = Catalog(
    "form of data", [PictureFolder.self, ArrayArchive.self, ArrayPair.self, TextFile.self, TableFile.self],
    name: { $0.name })
}

/// The meaning of the targets of one's own data, where a reference or a recipe says it.
public enum TargetKind: String, Codable, Sendable, CaseIterable { case classification, regression }

/// The order of a picture's axes: planes one after the other, or pixel after pixel.
enum PictureAxes: String, Codable, Sendable, CaseIterable { case chw, hwc }

/// Where examples of one's own were read from.
public struct DataOrigin: Codable, Sendable, Equatable {
  /// As the user wrote it.
  public var path: String
  /// The file's; of several that of the lines which `sha256sum` prints for them, in the order of their names.
  public var sha256: String
  /// How many were read.
  public var files: Int
  /// In all of them.
  public var bytes: Int
}

extension Dataset {
  /// - Parameter kind: what its targets are, where the reference does not say.
  static func load(_ split: Split, ofPath reference: DataReference, _ kind: TargetKind?) throws -> Dataset {
    var options = reference.options
    let asked = try options.removeValue(forKey: "form").map {
      try Catalog.dataForms.entry(named: $0, at: "data '\(reference.name.clipped())', option 'form'")
    }
    var files = try OwnFiles(reference.name)
    guard let form = asked ?? Catalog.dataForms.entries.first(where: { $0.takes(files) }) else {
      throw DatasetError(
        .unsupported, at: "data '\(reference.name.clipped())'",
        expected: Catalog.dataForms.entries.map { $0.summary }.joined(separator: "; "),
        got: files.isFolder ? "a folder" : "a file that ends otherwise",
        advice: "say which it is with ?form=NAME: \(Catalog.dataForms.names.joined(separator: ", "))")
    }
    func made<Form: DataForm>(_ form: Form.Type) throws -> Form {
      let defaults = Form()
      if let kind, options["task"] == nil, Parameters.keys(of: defaults).contains("task") {
        options["task"] = kind.rawValue
      }
      return try Parameters.overlay(options, on: defaults, of: "data '\(reference.name.clipped())', option")
    }
    var set = try made(form).load(split, from: &files)
    if let row = (0..<set.inputs.rowCount).first(where: { !set.inputs.row($0).allSatisfy(\.isFinite) }) {
      throw DatasetError(
        .malformed, at: "\(reference.name.clipped()), example \(row) of the \(split.words) part",
        expected: "finite numbers", got: "NaN or an infinity")
    }
    set.name = reference.whole.description
    set.origin = files.origin
    return set
  }
}

extension Split {
  /// As messages name it.
  var words: String { self == .train ? "training" : "test" }
}
