import DitherBasics
import DitherGraph
import DitherProto
import DitherStore

/// Readers of bytes know no file's name: their faults get it here.
enum ReadFile {
  /// The reader of models calls every file so.
  private static let anyModel = "ONNX file"

  /// - Throws: what `body` throws, with the path in its place.
  static func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch var fault as GraphError {
      fault.place = fault.place == anyModel ? path : "\(path), \(fault.place)"
      throw fault
    } catch var fault as ReportError {
      fault.place = fault.place == "report" ? path : "\(path), \(fault.place)"
      throw fault
    } catch var fault as KeyError {
      fault.place = "\(path), \(fault.place)"
      throw fault
    } catch var fault as StoreError {
      fault.place = "\(path), \(fault.place)"
      throw fault
    }
  }

  /// A server's words about a file that was sent to it.
  static func naming(_ path: String, in error: CallError) -> CallError {
    guard error.message.hasPrefix(anyModel + ":") else { return error }
    var error = error
    error.message = path + error.message.dropFirst(anyModel.count)
    return error
  }
}
