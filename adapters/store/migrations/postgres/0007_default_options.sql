CREATE TABLE default_options (
    owner TEXT PRIMARY KEY,
    options TEXT NOT NULL
);

INSERT INTO default_options (owner, options) SELECT owner, '--style ' || style FROM default_styles;

DROP TABLE default_styles;
