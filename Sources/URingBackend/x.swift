import CLiburing
import SystemPackage
import HeapModule
import DequeModule
import Logging
import IOBuffers
import Synchronization
func f() -> Int {
  var r = io_uring()
  let e = unsafe io_uring_queue_init(8, &r, UInt32(IORING_SETUP_SINGLE_ISSUER))
  let s = unsafe io_uring_get_sqe(&r)
  unsafe io_uring_prep_nop(s)
  return Int(e)
}
