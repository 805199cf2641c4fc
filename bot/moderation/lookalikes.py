"""Characters that look like an ASCII letter or digit. Written by deploy/tools/make_lookalikes.py: do not edit.

Data derived from confusables.txt of Unicode's Technical Standard 39, by way of confusable_homoglyphs 3.3.1 (MIT,
copyright Victor Felder). Copyright (c) 1991-2024 Unicode, Inc.; the licence is in LICENSE-UNICODE.txt beside this file.
"""

LOOKALIKES = {
    "1": (
        "1c0 5c0 5d5 5df 622 625 627 661 673 6f1 7ca 16c1 2223 23fd 2d4f a4f2 "
        "1028a 10309 10320 16f28 1e8c7 "
    ),
    "2": (
        "1a7 1bb 3e8 14bf a644 a6ef a75a "
    ),
    "3": (
        "1b7 21c 417 498 4e0 2ccc a76a a7ab 118aa 118ca 16f3b 1d206 "
    ),
    "4": (
        "13ce ab9e 118af "
    ),
    "5": (
        "1bc 118bb "
    ),
    "6": (
        "431 13ee 2cd2 abbe 118d5 "
    ),
    "7": (
        "104d2 118c6 1d212 "
    ),
    "8": (
        "222 223 9ea a6a b03 1031a 1e8cb "
    ),
    "9": (
        "9ed a67 b68 d6d 2cca a76e 118ac 118b6 118cc 118d6 "
    ),
    "a": (
        "c5 e5 102 103 1cd 1ce 226 227 251 391 3b1 410 430 13aa 15c5 1d00 "
        "1ea2 1ea3 212b 2376 237a 2c6d a4ee ab7a 102a0 16f40 1f150 1f170 1f1e6 "
    ),
    "b": (
        "df 180 181 182 183 184 243 253 299 392 3b2 3d0 411 412 42c 432 "
        "462 463 48c 48d 13cf 13f0 13f4 13f8 13fc 1472 1473 15af 15f7 1c80 1c87 a4d0 "
        "a7b4 a7b5 ab9f 10282 102a1 10301 1f151 1f171 1f1e7 "
    ),
    "c": (
        "a2 c7 e7 23b 23c 421 441 4aa 4ab 13df 1c83 1d04 20a1 2ca4 2ca5 a4da "
        "abaf 102a2 10302 10415 1043d 1051c 118e9 118f2 1f152 1f172 1f1e8 1f74c "
    ),
    "d": (
        "d0 110 111 189 18a 18b 18c 256 257 500 501 13a0 13e7 146f 15de 15ea "
        "1d05 20ab a4d2 a4d3 ab70 abb7 1f153 1f173 1f1e9 "
    ),
    "e": (
        "114 115 11a 11b 190 246 247 25b 395 3b5 3f5 404 415 42d 435 44d "
        "454 4bc 4bd 4be 4bf 510 511 13ac 1d07 212e 22f4 22ff 2377 2c88 2c89 2d39 "
        "a4f0 a792 a793 ab32 ab7c ab9b 10286 10401 10429 118a6 118ae 118ce 1f154 1f174 1f1ea "
    ),
    "f": (
        "191 192 3dc 554 584 15b4 1d6e 1e9d a4dd a730 a798 a799 ab35 10287 102a5 10525 "
        "118a2 118c2 1d213 1f155 1f175 1f1eb "
    ),
    "g": (
        "11e 11f 122 123 18d 193 1e4 1e5 1e6 1e7 1f4 1f5 260 261 262 50c "
        "50d 551 581 13c0 13f3 13fb 1d83 a4d6 a7ac ab90 1f156 1f176 1f1ec "
    ),
    "h": (
        "126 127 266 29c 397 40b 41d 43d 45b 4a2 4a3 4ba 4bb 4c7 4c8 4c9 "
        "4ca 540 570 13bb 13c2 13f2 13fa 157c 2c67 2c8e a4e7 a694 a695 a7aa ab8b ab92 "
        "102cf 1f157 1f177 1f1ed "
    ),
    "i": (
        "12c 12d 131 196 197 1cf 1d0 268 269 26a 345 399 3b9 406 456 4c0 "
        "4cf 13a5 1d7b 1d7c 1fbe 2373 2378 2c92 a646 a647 a7ae ab75 118c3 1f158 1f178 1f1ee "
    ),
    "j": (
        "248 249 37f 3f3 408 458 13ab 148d 1d0a a4d9 a7b2 ab7b 1f159 1f179 1f1ef "
    ),
    "k": (
        "138 198 199 39a 3ba 3f0 41a 43a 49a 49b 49e 49f 13e6 16d5 1d0b 20ad "
        "2c69 2c94 2c95 a4d7 a740 abb6 10518 1f15a 1f17a 1f1f0 "
    ),
    "l": (
        "141 142 19a 23d 26b 26d 29f 13de 14aa 2c62 2cd0 2cd1 a4e1 abae 1041b 10443 "
        "10526 118a3 118b2 16f16 1d22a 1f15b 1f17b 1f1f1 "
    ),
    "m": (
        "28d 39c 3fa 41c 43c 4cd 4ce 13b7 15f0 16d6 1d0d 1e42 1e43 2c98 a4df ab51 "
        "ab87 102b0 10311 1f15c 1f17c 1f1f2 "
    ),
    "n": (
        "145 146 19d 19e 220 272 273 274 376 377 39d 3b7 40d 418 419 438 "
        "439 45d 48a 48b 548 54c 578 57c 1d0e 1d70 2c9a a4e0 1018e 10425 1044d 10513 "
        "1f15d 1f17d 1f1f3 "
    ),
    "o": (
        "d6 d8 f6 f8 14e 14f 150 19f 1d1 1d2 1fe 275 398 39f 3a3 3b8 "
        "3bf 3c3 3d1 3f4 41e 43e 472 473 4e8 4e9 555 585 5e1 629 647 665 "
        "6be 6c0 6c1 6c2 6c3 6d5 6f5 6ff 7c0 966 9e6 a66 ae6 b20 b66 be6 "
        "c02 c66 c82 ce6 d02 d20 d66 d82 e50 ed0 101d 1040 10ff 12d0 13be 13eb "
        "1c82 1cbf 1d0f 1d11 2296 229d 2365 236c 2c9e 2c9f 2d31 2d41 2d54 3007 a4f3 a74a "
        "a74b ab3d ab3e ab74 ab8e abbb 10292 102ab 10404 1042c 104c2 104ea 10516 114d0 118a8 118b5 "
        "118b7 118c8 118d7 118e0 1d21a 1f15e 1f17e 1f1f4 1f714 "
    ),
    "p": (
        "1a4 1a5 3a1 3c1 3f1 420 440 13e2 146d 1d18 1d29 1d7d 2374 2c63 2ca2 2ca3 "
        "a4d1 abb2 10295 1f15f 1f17f 1f1f5 "
    ),
    "q": (
        "2a0 51a 51b 533 536 563 566 2d55 a7af 1f160 1f180 1f1f6 "
    ),
    "r": (
        "1a6 24c 24d 27c 27d 280 413 42f 433 44f 492 493 13a1 13d2 1587 1d19 "
        "1d26 1d72 2c64 2c84 2c85 a4e3 ab47 ab48 ab71 ab81 aba2 104b4 16f35 1d216 1f161 1f181 "
        "1f1f7 "
    ),
    "s": (
        "1bd 282 3c2 3da 3db 405 455 54f 13d5 13da 1d74 a4e2 a731 a7c5 aba5 abaa "
        "10296 10420 10448 118a1 118c1 16f3a 1f162 1f182 1f1f8 "
    ),
    "t": (
        "162 163 166 167 1ab 1ac 1ad 1ae 21a 21b 23e 3a4 3c4 422 442 4ac "
        "4ad 13a2 13bf 1c84 1c85 1d1b 1d75 20ae 22a4 2361 27d9 2ca6 a4d4 ab72 ab8f 10297 "
        "102b1 10315 118bc 16f0a 1f163 1f183 1f1f9 1f768 "
    ),
    "u": (
        "16c 16d 1b2 1d3 1d4 244 28b 3c5 54d 57d 1200 13cc 144c 1d1c 1d7e 222a "
        "22c3 a4f4 a79e a79f ab4e ab52 ab9c 104ce 104f6 118b8 118d8 16f42 1f164 1f184 1f1fa "
    ),
    "v": (
        "3bd 474 475 5d8 667 6f7 13d9 142f 1d20 2228 22c1 2d38 a4e6 a6df aba9 10197 "
        "1051d 11706 118a0 118c0 16f08 1d20d 1f165 1f185 1f1fb 1f708 "
    ),
    "w": (
        "19c 26f 3a9 3c9 460 461 47c 47d 51c 51d 531 561 13b3 13d4 13ef 1d21 "
        "1ff4 1ff6 20a9 2126 2375 2379 2cb0 2cb1 a4ea a64c a64d a760 a761 a7b6 a7b7 ab83 "
        "aba4 abbf 114c5 1170a 1170e 1170f 118e6 118ef 1f166 1f186 1f1fc "
    ),
    "x": (
        "d7 3a7 3c7 425 445 4b2 1541 157d 166d 166e 16b7 2573 292b 292c 2a2f 2a30 "
        "2cac 2cad 2d5d a4eb a7b3 ab53 ab55 10196 10290 102b4 10317 10322 10527 118ec 1f167 1f187 "
        "1f1fd "
    ),
    "y": (
        "a5 194 1b3 1b4 24e 24f 263 28f 393 3a5 3b3 423 443 4ae 4af 4b0 "
        "4b1 10e7 13a9 13bd 1ca7 1d8c 1efe 1eff 2ca8 a4ec ab5a ab79 ab8d 102b2 118a4 118dc "
        "16f43 1f168 1f188 1f1fe "
    ),
    "z": (
        "1b5 1b6 224 225 290 396 3b6 13c3 1d22 1d76 a4dc ab93 102f5 118a9 118c4 118e5 "
        "1f169 1f189 1f1ff "
    ),
}
