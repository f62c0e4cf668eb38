import FuzzDriver

@main
enum Fuzzer {
  static func main() { Reader.fuzz([.http, .oip]) }
}
