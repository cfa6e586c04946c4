"""The chat, with members on two loops, some of whom are slow, rude or gone."""

import unittest

from servers import ServerTests


class ChatTests(ServerTests):
    name = "Chat"
    options = ("--loops", "2", "--unsent", "524288")

    def member(self, name):
        client = self.server.connect()
        self.assertEqual(client.until(b"\r\n"), b"Your name?\r\n")
        client.send(name + b"\r\n")
        return client

    def members(self, *names):
        """Each of them knows that the others are there."""
        members = []
        for name in names:
            members.append(self.member(name))
            for other in members:
                self.assertEqual(other.until(b"\r\n"), b"* %s has come, one of %d\r\n" % (name, len(members)))
        return members

    def close(self, members):
        """The next test finds the room empty."""
        for member in members:
            member.finish()
            member.rest()
            member.close()

    def test_all_others_hear_it_on_whichever_loop(self):
        members = self.members(*[b"member%d" % number for number in range(6)])
        members[0].send(b"hello\r\nsecond line\n")
        for other in members[1:]:
            self.assertEqual(other.until(b"second line\r\n"), b"member0: hello\r\nmember0: second line\r\n")
        members[1].send_in_pieces(b"by piece\n")
        for other in members[:1] + members[2:]:
            self.assertEqual(other.until(b"\r\n"), b"member1: by piece\r\n")
        members.pop(2).reset()
        for other in members:
            self.assertEqual(other.until(b"\r\n"), b"* member2 has left\r\n")
        self.close(members)

    def test_a_member_that_does_not_read_holds_nobody_up_and_is_reset(self):
        talker, listener, slow = self.members(b"talker", b"listener", b"slow")
        line = b"x" * 1000 + b"\n"
        heard = b""
        for _ in range(100):
            talker.send(line * 100)
            heard = listener.read(100 * (len(line) + 9))
            if b"* slow has left" in heard:
                break
        self.assertIn(b"* slow has left", heard)
        with self.assertRaises(ConnectionResetError):
            while slow.socket.recv(1 << 20):
                pass
        slow.close()
        self.close([talker, listener])

    def test_names_and_lines_have_bounds(self):
        for name in [b"x" * 33 + b"\r\n", b"\r\n", b"\x1b[2J\r\n", b"\xff\r\n", b"\0\r\n"]:
            with self.server.connect() as client:
                client.until(b"\r\n")
                client.send(name)
                client.finish()
                client.rest()
        with self.member(b"rude") as client:
            client.until(b"\r\n")
            client.send(b"y" * 5000)
            self.assertTrue(client.rest().startswith(b"* lines have at most 1024 bytes\r\n"))

    def test_members_that_come_and_go(self):
        steady, = self.members(b"steady")
        for number in range(50):
            with self.member(b"guest%d" % number) as guest:
                guest.send(b"hi\n" * 20)
                if number % 2:
                    guest.reset()
        self.assertIn(b"* guest49 has left", steady.until(b"* guest49 has left\r\n"))
        self.close([steady])


if __name__ == "__main__":
    unittest.main()
